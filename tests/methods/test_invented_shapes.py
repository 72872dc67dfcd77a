"""The pretraining on invented shapes: its losses by hand, and the laws that hold for a pretraining, too."""

from __future__ import annotations

import math

import pytest
import torch

from semivox.functional.invented import Paint, Shapes
from semivox.methods.invented_shapes import (
    InventedShapes,
    InventedShapesConfig,
    drawn_shape,
    without_deepest,
)
from semivox.testing import Known, Subject
from semivox.testing.patches import ODD, batch, blueprint, odd_blueprint
from semivox.testing.steps import train
from tests.methods.laws_of_pretrainings import LAWS

SUBJECT = Subject(InventedShapes, {"shallower": 0.0}, Known())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_it_obeys_the_laws_that_ask_for_no_segmentation(law):
    law(SUBJECT)


def built(**options):
    torch.manual_seed(3)
    return SUBJECT.built(blueprint(), options)


def test_a_step_sees_each_map_in_two_paints_and_no_voxel_of_the_batch():
    given = batch(InventedShapes)
    torch.manual_seed(1)
    labels, image = built().invented(given)
    assert image.shape == (2 * len(labels), given.image.shape[1], *labels.shape[1:])
    assert not torch.equal(image[: len(labels)], image[len(labels) :])
    voxels = given.image[:, 0].numel()
    assert 0.5 * voxels <= image[:, 0].numel() <= 1.5 * voxels
    method = built()
    torch.manual_seed(1)
    first = method.invented(given)[1]
    given.image.fill_(7.0)
    torch.manual_seed(1)
    assert torch.equal(method.invented(given)[1], first)


def test_the_contrast_compares_the_same_places_of_both_paints():
    """Four voxels in two labels, all of them drawn, so that the loss can be worked out."""
    labels = torch.tensor([0, 0, 1, 1]).reshape(1, 4, 1, 1)
    directions = torch.zeros(2, 2, 4, 1, 1)
    directions[:, 0, :2], directions[:, 1, 2:] = 1.0, 1.0  # each label has its own in both paints
    found = built(temperature=1.0)._contrast(directions, labels).item()
    # of seven others three are alike and four are not: -ln(e / (3 e + 4))
    assert found == pytest.approx(-math.log(math.e / (3 * math.e + 4)))
    swapped = directions.clone()
    swapped[1] = swapped[1].flip(0)  # in the second paint each label has the other's direction
    worse = built(temperature=1.0)._contrast(swapped, labels).item()
    # one partner of the same paint at 1, two of the other at 0; two strangers of the other at 1, two at 0
    total = 3 * math.e + 4
    assert worse == pytest.approx(-(math.log(math.e / total) + 2 * math.log(1 / total)) / 3)


def test_the_contrast_on_a_coarser_map_takes_the_label_in_the_middle():
    labels = torch.tensor([0, 0, 0, 1, 1, 1]).reshape(1, 6, 1, 1)
    directions = torch.zeros(2, 2, 2, 1, 1)
    directions[:, 0, 0], directions[:, 1, 1] = 1.0, 1.0
    found = built(temperature=1.0)._contrast(directions, labels).item()
    assert found == pytest.approx(-math.log(math.e / (math.e + 2)))  # one partner at 1, two strangers at 0


def test_the_terms_are_those_of_its_parts():
    method, given = built(contrast_weight=0.5, boundary_weight=0.25), batch(InventedShapes)
    losses = train(method, given, [0], 2)[0]
    assert losses.total.item() == pytest.approx(
        0.5 * losses.terms["contrast"].item() + 0.25 * losses.terms["boundary"].item()
    )
    assert losses.terms["boundary"].item() < 5
    without = train(built(boundary_weight=0), given, [0], 2)[0]
    assert without.total.item() == without.terms["contrast"].item()


def test_without_the_deepest_level_it_does_what_a_network_without_it_does():
    method = InventedShapes(InventedShapesConfig(), odd_blueprint()).eval()
    image = torch.randn(1, 2, *ODD)
    whole, less = method.network(image), method.network(image, read=without_deepest)
    assert len(less.scales) == len(whole.scales) - 1
    assert torch.equal(less.scales[-1], whole.features[-2])
    assert less.scales[0].shape == whole.scales[0].shape
    assert not torch.equal(less.logits, whole.logits)


@pytest.mark.parametrize(
    ("patch", "multiples", "smallest", "edges"),
    [
        ((48, 48, 48), (16, 16, 16), 0.6, [{32, 48}] * 3),
        ((64, 40, 8), (16, 8, 8), 0.5, [{32, 48, 64}, {24, 32, 40}, {8}]),
        ((48, 48, 48), (16, 16, 16), 1.0, [{48}] * 3),
        ((4, 4, 4), (8, 8, 8), 1.0, [{8}] * 3),
    ],
)
def test_edges_are_multiples_between_the_smallest_and_the_whole(patch, multiples, smallest, edges):
    random = torch.Generator().manual_seed(0)
    drawn = [drawn_shape(patch, multiples, smallest, random) for _ in range(60)]
    assert [set(axis) for axis in zip(*drawn, strict=True)] == edges


@pytest.mark.parametrize(
    "field",
    [
        {"shapes": Shapes(grid=(2.0, 2.0))},
        {"paint": Paint(noise=1.0)},
        {"smallest": 0.1},
        {"temperature": 0.5},
        {"projection": 4},
        {"levels": 1},
        {"anchors": 7},
        {"contrast_weight": 0.3},
        {"boundary_weight": 0.3},
    ],
    ids=lambda field: next(iter(field)),
)
def test_every_field_changes_something(field):
    plain = {"shallower": 0.0}
    losses = [
        train(SUBJECT.built(blueprint(), o), batch(InventedShapes), [0], 2)[0].total for o in (plain, plain | field)
    ]
    assert losses[0] != losses[1]


def test_decoders_read_without_the_deepest_level_as_often_as_asked():
    given = batch(InventedShapes, shape=ODD, channels=2, classes=3)
    for chance in (0.0, 1.0):
        torch.manual_seed(0)
        method = InventedShapes(InventedShapesConfig(shallower=chance), odd_blueprint())
        before = method.network.encoder.blocks[2][0][0].weight.clone()
        train(method, given, [0, 1], 2)
        assert torch.equal(before, method.network.encoder.blocks[2][0][0].weight) == bool(chance)


def test_all_fields_are_looked_at():
    ours = {"shapes", "paint", "smallest", "shallower", "temperature", "projection", "levels", "anchors"}
    assert set(InventedShapesConfig.model_fields) == ours | {"contrast_weight", "boundary_weight", "network", "balance"}


def test_it_learns():
    easy = {"paint": {"deviation": 0, "texture": 0, "blurred": 0, "coarse": 0, "noise": 0}, "shallower": 0}
    method = SUBJECT.built(blueprint(dropout=0.0, width=4), {"network": {"kind": "adam", "rate": 0.02}, **easy})
    seen = train(method, batch(InventedShapes), range(50), 50)
    for term in ("contrast", "boundary"):
        first, last = (sum(losses.terms[term].item() for losses in part) / 10 for part in (seen[:10], seen[-10:]))
        assert last < 0.95 * first, (term, first, last)
