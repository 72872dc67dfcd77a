"""TraCoCo, number by number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from semivox.functional.boxes import box_of_divisible_sides
from semivox.functional.mutual import confident_cross_entropy, divergence, negative_entropy
from semivox.methods.tracoco import TraCoCo
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from tests.contract.examples import build, logit, turn


def test_what_a_voxel_surely_is_and_is_not():
    is_, is_not = confident_cross_entropy(logit([0.2, 0.5, 0.7]), logit([0.1, 0.4, 0.95]), 0.65, 0.0999)
    assert is_.item() == pytest.approx(0.269835, abs=1e-5)
    assert is_not.item() == pytest.approx(0.017834, abs=1e-5)
    nothing = confident_cross_entropy(logit([0.2]), logit([0.6]), 0.65, 0.1)
    assert [part.item() for part in nothing] == [0, 0]


def test_the_same_numbers_as_the_authors_function():
    """On made-up logits of two classes; computed once by yyliu01/TraCoCo ac6d8ac, VnetLA/Utils/losses.py."""
    one, other = (torch.from_numpy(np.random.RandomState(i).normal(0, 3, (2, 2, 4, 4, 4))) for i in (0, 1))
    assert sum(confident_cross_entropy(one, other, 0.65, 0.1)).item() == pytest.approx(1.7088606185805104, rel=1e-5)


def test_divergence_and_entropy():
    p, q = torch.tensor([0.8, 0.2]), torch.tensor([0.6, 0.4])
    shape = (1, 2, 1, 1, 1)
    found = divergence(p.log().reshape(shape), q.log().reshape(shape)).item()
    assert found == pytest.approx(0.6 * math.log(0.6 / 0.8) + 0.4 * math.log(0.4 / 0.2), rel=1e-5)
    assert divergence(p.log().reshape(shape), p.log().reshape(shape)).item() == pytest.approx(0, abs=1e-7)
    assert negative_entropy(torch.full(shape, 0.5).log()).item() == pytest.approx(-math.log(2))


@pytest.mark.parametrize("share", [0.01, 0.5, 0.75, 0.99])
def test_the_crop_fits_patch_and_network(share):
    strides = ((1, 2, 2), (2, 2, 2))
    corners = set()
    for seed in range(40):
        torch.manual_seed(seed)
        box = box_of_divisible_sides((16, 24, 32), share, strides)
        sides = [part.stop - part.start for part in box]
        assert [side % divisor for side, divisor in zip(sides, (2, 4, 4))] == [0, 0, 0]
        for side, size, divisor in zip(sides, (16, 24, 32), (2, 4, 4)):
            assert side == max(int(size * share) // divisor, 1) * divisor
        assert all(part.start >= 0 and part.stop <= size for part, size in zip(box, (16, 24, 32)))
        corners.add(tuple(part.start for part in box))
    assert len(corners) > 5


def test_the_crop_shows_what_the_patch_shows_there():
    """A network that sees single voxels says the same of both, so nothing is lost."""

    class Voxels(torch.nn.Module):
        def forward(self, *views):
            from semivox.networks.architecture import Output

            return tuple(Output(torch.cat([-v, v], 1), v, (), (), {}) for v in (view[:, :1] for view in views))

    method = build("tracoco", odd_blueprint(), {"noise": 0.0})
    method.blueprint = odd_blueprint()
    method.network = Voxels()
    given = odd_batch(TraCoCo)
    given = type(given)(given.image, given.label.clamp_max(1), given.cases, given.targets)
    for seed in range(5):
        assert turn(method, given, seed=seed).terms["translation"].item() == pytest.approx(0, abs=1e-6)


def test_a_network_that_looks_around_loses_something():
    assert turn(build("tracoco", blueprint(), {"noise": 0.0}, 8.0), batch(TraCoCo)).terms["translation"].item() > 1e-4


def test_no_gradient_leads_into_the_network_that_teaches():
    method = build("tracoco", blueprint(dropout=0.0))
    image = batch(TraCoCo).image[2:]
    said = [output.logits for output in method.network(image, image)]
    first, second = method.network.networks
    part = sum(confident_cross_entropy(said[0], said[1].detach(), 0.0, 1.0))
    assert all(
        g is None for g in torch.autograd.grad(part, list(second.parameters()), retain_graph=True, allow_unused=True)
    )
    assert any(g is not None for g in torch.autograd.grad(part, list(first.parameters()), allow_unused=True))
    torch.manual_seed(0)
    taught = method._taught(image)
    assert taught.requires_grad
    for network in (first, second):
        slopes = torch.autograd.grad(taught, list(network.parameters()), retain_graph=True, allow_unused=True)
        assert any(g is not None and g.any() for g in slopes)
