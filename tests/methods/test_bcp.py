"""BCP, number by number."""

from __future__ import annotations

import math

import pytest
import torch

from semivox.core.case import IGNORE
from semivox.functional.boxes import box_of_sides
from semivox.methods.bcp import BCP, masked, pairs
from semivox.testing.patches import batch, blueprint
from tests.contract.examples import Scripted, build, logit, turn


def test_the_box_of_the_authors_patches():
    for seed in range(20):
        torch.manual_seed(seed)
        inside = box_of_sides((112, 112, 80), 2 / 3)
        assert int((~inside).sum()) == 713_292
        sides = [int(inside.flatten(*flat).any(side).sum()) for flat, side in (((1, 2), 1), ((0, 1), 0))]
        assert sides == [74, 53]
        assert not inside[-1].any()  # the last place along an axis is left out


def test_loss_of_four_voxels():
    """Two labeled voxels, two with a pseudo-label, of the published loss; and which weight each region has."""
    z = logit([0.8, 0.6, 0.3, 0.1])
    outside = torch.tensor([True, True, False, False]).reshape(1, 1, 4)
    label, pseudo = torch.tensor([[[[1, 0, 9, 9]]]]), torch.tensor([[[[9, 9, 1, 0]]]])
    method = build("bcp", blueprint(), {"segmentation": "each_patch"})
    known = method._loss(z, masked(label, outside)).item()
    guessed = method._loss(z, masked(pseudo, ~outside)).item()
    assert known == pytest.approx((0.416664 + 0.569717) / 2, abs=1e-5)
    assert guessed == pytest.approx((0.439558 + 0.654667) / 2, abs=1e-5)
    assert known + 0.5 * guessed == pytest.approx(0.766747, abs=1e-5)


@pytest.mark.parametrize(
    ("labeled", "unlabeled", "expected"),
    [
        (1, 1, (([0], [0]), ([0], [0]))),
        (2, 2, (([0], [0]), ([1], [1]))),
        (4, 4, (([0, 1], [0, 1]), ([2, 3], [2, 3]))),
        (1, 3, (([0, 0], [0, 1]), ([1, 2], [0, 0]))),
        (3, 1, (([0, 1], [0, 0]), ([0, 0], [1, 2]))),
    ],
)
def test_every_patch_is_mixed(labeled, unlabeled, expected):
    (l_out, u_in), (u_out, l_in) = pairs(labeled, unlabeled)
    assert ((l_out, u_in), (u_out, l_in)) == expected
    assert {*l_out, *l_in} == set(range(labeled))
    assert {*u_in, *u_out} == set(range(unlabeled))


def shown(method, given, step=4, steps=8):
    """The images that the network sees in a step."""
    seen = []
    hook = method.network.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0].detach()))
    losses = turn(method, given, step, steps)
    hook.remove()
    return seen, losses


def test_patches_are_mixed_in_both_directions():
    method = build("bcp", blueprint(), {"passes": "apart"})
    given = batch(BCP)
    (outward, inward), _ = shown(method, given)
    labeled, unlabeled = given.split(given.image)
    inside = outward[0, 0] != labeled[0, 0]
    assert int(inside.sum()) == 5**3
    assert torch.equal(outward[0, 0][inside], unlabeled[0, 0][inside])
    assert torch.equal(inward[0, 0][inside], labeled[1, 0][inside])
    assert torch.equal(inward[0, 0][~inside], unlabeled[1, 0][~inside])
    (both,), _ = shown(build("bcp", blueprint()), given)
    assert torch.equal(both, torch.cat([outward, inward]))


def test_labeled_patches_are_mixed_with_one_another_first():
    method = build("bcp", blueprint(), {"labeled_stage": 0.5})
    given = batch(BCP)
    (mixed,), losses = shown(method, given, step=3)
    assert list(losses.terms) == ["supervised"]
    labeled, _ = given.split(given.image)
    inside = mixed[0, 0] != labeled[0, 0]
    assert torch.equal(mixed[0, 0][inside], labeled[1, 0][inside])
    assert torch.equal(mixed[1, 0][inside], labeled[0, 0][inside])
    assert "pseudo" in shown(method, given, step=4)[1].terms


def test_small_pieces_of_a_pseudo_label_are_not_learned():
    given = batch(BCP)
    answer = torch.full((2, 8, 8, 8), 0.1)
    answer[:, :3, :3, :3] = 0.9
    lonely = answer.clone()
    lonely[:, 5, 6:, 5] = 0.8
    found = []
    for said, component in ((answer, True), (lonely, True), (lonely, False)):
        method = build("bcp", blueprint(), {"component": component})
        method.teacher = Scripted(torch.stack([1 - said, said], 1).log())
        found.append(turn(method, given).terms["pseudo"].item())
    assert found[0] == found[1] != found[2]


def test_voxels_without_a_label_count_nowhere():
    z = logit([0.8, 0.6, 0.3, 0.1])
    method = build("bcp", blueprint())
    part = method._loss(z[..., :2], torch.tensor([[[[1, 0]]]]))
    assert method._loss(z, torch.tensor([[[[1, 0, IGNORE, IGNORE]]]])).item() == pytest.approx(part.item(), rel=1e-6)
    assert math.isfinite(method._loss(z, torch.full((1, 1, 1, 4), IGNORE)).item())
