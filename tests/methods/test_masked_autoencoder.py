"""The masked autoencoder, number by number, and the laws that hold for a pretraining, too."""

from __future__ import annotations

import pytest
import torch

from semivox.methods.masked_autoencoder import (
    MaskedAutoencoder,
    MaskedAutoencoderConfig,
    cube_sides,
    hidden_cubes,
    rebuilding_error,
)
from semivox.testing import Known, Subject
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import train
from tests.methods.laws_of_pretrainings import LAWS

SUBJECT = Subject(MaskedAutoencoder, {}, Known())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_it_obeys_the_laws_that_ask_for_no_segmentation(law):
    law(SUBJECT)


def test_the_error_of_four_voxels():
    image = torch.tensor([1.0, 2, 3, 4]).reshape(1, 1, 1, 1, 4)
    rebuilt, hidden = torch.ones_like(image), torch.tensor([False, True, True, False]).reshape(1, 1, 1, 4)
    assert rebuilding_error(rebuilt, image, hidden).item() == 2.5
    seen = rebuilt.clone()
    seen[..., 0] = seen[..., 3] = 99
    assert rebuilding_error(seen, image, hidden).item() == 2.5
    both = torch.cat([image, image + 1], 1)
    assert rebuilding_error(torch.ones_like(both), both, hidden).item() == (2.5 + 6.5) / 2


@pytest.mark.parametrize(
    ("patch", "sides"),
    [((64, 64, 48), (16, 16, 16)), ((40, 56, 40), (10, 14, 10)), ((8, 8, 7), (4, 4, 1)), ((1, 2, 3), (1, 1, 1))],
)
def test_cubes_divide_the_patch(patch, sides):
    assert cube_sides(patch, 16) == sides


def test_three_quarters_of_the_cubes_are_hidden_whole():
    torch.manual_seed(0)
    hidden = hidden_cubes(3, (64, 64, 48), (16, 16, 16), 0.75)
    assert hidden.shape == (3, 64, 64, 48)
    cubes = hidden.unfold(1, 16, 16).unfold(2, 16, 16).unfold(3, 16, 16).flatten(4).float().mean(4)  # (3, 4, 4, 3)
    assert set(cubes.unique().tolist()) == {0.0, 1.0}
    assert cubes.flatten(1).sum(1).tolist() == [36, 36, 36]
    assert not torch.equal(hidden[0], hidden[1])
    assert hidden_cubes(1, (4, 4, 4), (2, 2, 2), 0.999).float().mean() == 7 / 8


def test_hidden_voxels_are_not_shown():
    method = SUBJECT.built(blueprint())
    seen = []
    method.network.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    given = batch(MaskedAutoencoder)
    train(method, given, [0], 2)
    assert (seen[0] == 0).float().mean().item() == pytest.approx(0.75, abs=0.01)
    shown = seen[0] != 0
    assert torch.equal(seen[0][shown], given.image[shown])


@pytest.mark.parametrize("field", [{"hidden": 0.4}, {"cube": 2}])
def test_every_field_changes_something(field):
    losses = [train(SUBJECT.built(blueprint(), o), batch(MaskedAutoencoder), [0], 2)[0].total for o in ({}, field)]
    assert losses[0] != losses[1]
    assert set(MaskedAutoencoderConfig.model_fields) == {"hidden", "cube", "network", "balance"}


def test_it_learns_to_rebuild():
    method = SUBJECT.built(blueprint(dropout=0.0, width=8), {"network": {"kind": "adam", "rate": 0.01}, "cube": 2})
    seen = train(method, batch(MaskedAutoencoder), range(80), 80)
    first, last = (sum(losses.total.item() for losses in part) / 10 for part in (seen[:10], seen[-10:]))
    assert last < 0.8 * first
