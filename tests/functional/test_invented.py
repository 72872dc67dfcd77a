"""Invented scans: shapes and paint, number by number; a seed gives the same scan, and every setting changes it."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from semivox.functional.intensity import blur
from semivox.functional.invented import (
    Paint,
    Shapes,
    boundaries,
    coarser,
    label_map,
    painted,
    smooth_fields,
    standardized,
)

PLAIN = Paint(deviation=0, texture=0, blurred=0, coarse=0, windowed=0, bias=0, noise=0)
"""One intensity a label."""
MAP = torch.tensor([0, 0, 1, 1, 2, 2, 0, 0]).reshape(2, 2, 2).repeat_interleave(4, 0).repeat_interleave(4, 1)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_field_is_noise_at_its_nodes_and_linear_between():
    field = smooth_fields(2, (5, 3, 2), [2.0, 2.0, 4.0], random())
    assert field.shape == (2, 5, 3, 2)
    noise = torch.randn(1, 2, 3, 2, 2, generator=random())[0]  # three nodes along x: voxels 0, 2 and 4
    assert torch.allclose(field[:, ::2, ::2], noise, atol=1e-6)
    assert torch.allclose(field[:, 1], (field[:, 0] + field[:, 2]) / 2, atol=1e-6)
    assert torch.allclose(field[:, :, 1], (field[:, :, 0] + field[:, :, 2]) / 2, atol=1e-6)


def test_nodes_are_at_most_as_far_apart_as_asked():
    field = smooth_fields(1, (13, 4, 4), [5.0, 4.0, 4.0], random())[0, :, 0, 0]  # 12 voxels in three parts of 4
    bends = (field[2:] - 2 * field[1:-1] + field[:-2]).abs() > 1e-5
    assert (bends.nonzero().flatten() + 1).tolist() == [4, 8]


def test_a_map_is_where_a_field_is_the_highest():
    options = Shapes(labels=(3, 3), grid=(4, 4), finer=0.5, ground=1, height=(2, 2))
    found = label_map((9, 8, 7), options, random(5))
    again = random(5)
    torch.randint(3, 4, (), generator=again)
    torch.rand(3, generator=again)  # three equal ends: the grid is 4 whatever is drawn
    fields = smooth_fields(3, (9, 8, 7), [4.0] * 3, again) + 0.5 * smooth_fields(3, (9, 8, 7), [2.0] * 3, again)
    for x, y, z in ((0, 0, 0), (8, 7, 6), (3, 4, 5), (1, 6, 2)):
        first, second, third = fields[:, x, y, z].tolist()
        highest = max((first + 2, 0), (second, 1), (third, 2))
        assert found[x, y, z] == highest[1]


def test_a_map_has_as_many_labels_as_asked_and_shapes_as_large():
    maps = [label_map((24, 24, 24), Shapes(labels=(3, 5), ground=0), random(seed)) for seed in range(20)]
    assert {int(one.max()) + 1 for one in maps} == {3, 4, 5}
    small, large = (
        torch.stack(
            [boundaries(label_map((24,) * 3, Shapes(grid=(g, g)), random(s))[None]).float().mean() for s in range(6)]
        )
        for g in (4, 20)
    )
    assert small.mean() > 2 * large.mean()


def test_a_ground_has_islands():
    options = (Shapes(ground=share, height=(1.5, 1.5)) for share in (1, 0))
    with_ground, without = ([label_map((24, 24, 24), one, random(seed)) for seed in range(8)] for one in options)
    share = [sum((one == 0).float().mean().item() for one in maps) / 8 for maps in (with_ground, without)]
    assert share[0] > 0.5 > 0.3 > share[1]


def test_plain_paint_is_one_intensity_a_label():
    image = painted(MAP, PLAIN, random())
    means = torch.rand(3, 3, generator=random())[0]
    assert torch.allclose(image, standardized(means[MAP]))
    assert image.mean().abs() < 1e-6
    assert image.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_each_part_of_the_paint_by_itself():
    def drawn(generator, number):
        return [float(torch.rand((), generator=generator)) for _ in range(number)]

    again = random()
    flat = torch.rand(3, 3, generator=again)[0][MAP]
    torch.randn(MAP.shape, generator=again)  # of the labels' own noise
    after = again.get_state()

    def rest():
        again.set_state(after)
        return again

    draws = drawn(rest(), 2)
    blurred = painted(MAP, PLAIN.model_copy(update={"blurred": 1.0, "sigma": (0.5, 1.5)}), random())
    assert torch.allclose(blurred, standardized(blur(flat, 0.5 + draws[1])), atol=1e-5)
    draws = drawn(rest(), 5)  # blur or not, coarse or not, three axes
    coarse = painted(MAP, PLAIN.model_copy(update={"coarse": 1.0, "kept": (0.5, 1.0)}), random())
    assert torch.allclose(coarse, standardized(coarser(flat, [0.5 + 0.5 * one for one in draws[2:]])), atol=1e-5)
    draws = drawn(rest(), 5)  # blur or not, coarse or not, window or not, and its two ends
    windowed = painted(MAP, PLAIN.model_copy(update={"windowed": 1.0}), random())
    cut = 0.4 * (flat.max() - flat.min())
    expected = flat.clamp(flat.min() + draws[3] * cut, flat.max() - draws[4] * cut)
    assert torch.allclose(windowed, standardized(expected), atol=1e-5)


def test_the_noise_has_the_deviation_asked_for():
    labels = torch.zeros(24, 24, 24, dtype=torch.int64)
    labels[12:] = 1
    for options in ({"noise": 0.5}, {"deviation": 0.5}):
        image = painted(labels, PLAIN.model_copy(update=options), random(2))
        means, deviations, _ = torch.rand(3, 2, generator=random(2))
        spread = [image[labels == one].std() for one in (0, 1)]
        step = (image[labels == 1].mean() - image[labels == 0].mean()).abs() / (means[1] - means[0]).abs()
        if "deviation" in options:
            assert (spread[0] / step).item() == pytest.approx(0.5 * deviations[0].item(), rel=0.05)
            assert (spread[1] / step).item() == pytest.approx(0.5 * deviations[1].item(), rel=0.05)
        else:
            assert (spread[0] / spread[1]).item() == pytest.approx(1, rel=0.05)
            assert 0 < (spread[0] / step).item() < 0.5


def test_coarser_by_hand():
    image = torch.tensor([1.0, 3, 5, 9]).reshape(4, 1, 1)
    assert coarser(image, [0.5, 1, 1]).flatten().tolist() == [2.0, 3.25, 5.75, 7.0]  # means 2 and 7, linear between
    assert coarser(image, [0.1, 1, 1]).flatten().tolist() == [4.5] * 4
    assert torch.equal(coarser(image, [1, 1, 1]), image)


def test_standardized_by_hand():
    assert standardized(torch.tensor([1.0, 3.0])).tolist() == [-1.0, 1.0]
    assert standardized(torch.full((3,), 7.0)).tolist() == [0.0, 0.0, 0.0]


def test_boundaries_by_hand():
    labels = torch.tensor([0, 0, 1, 1, 1]).reshape(1, 5, 1, 1)
    assert boundaries(labels).flatten().tolist() == [False, True, True, False, False]
    for turned in (labels.transpose(1, 2), labels.transpose(1, 3)):
        assert boundaries(turned).flatten().tolist() == [False, True, True, False, False]
    diagonal = torch.tensor([[0, 0], [0, 1]]).reshape(1, 2, 2, 1)
    assert boundaries(diagonal).flatten().tolist() == [False, True, True, True]
    assert not boundaries(torch.stack([labels[0], labels[0]]))[:, 0].any()  # patches do not touch one another


def test_the_same_seed_gives_the_same_scan_and_another_another():
    made = [painted(label_map((8, 9, 10), Shapes(), r := random(seed)), Paint(), r) for seed in (1, 1, 2)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert all(math.isfinite(one.sum().item()) for one in made)


@pytest.mark.parametrize(
    "field",
    [{"labels": (2, 2)}, {"grid": (3.0, 4.0)}, {"finer": 0.0}, {"ground": 1.0, "height": (3.0, 3.0)}, {"finer": 2.0}],
)
def test_every_setting_of_shapes_changes_the_map(field):
    assert not torch.equal(label_map((16,) * 3, Shapes(**field), random(1)), label_map((16,) * 3, Shapes(), random(1)))


ALWAYS = Paint(blurred=1, coarse=1, windowed=1)
CHANGED = {
    **{"deviation": 0.5, "texture": 0.5, "texture_grid": (1.0, 1.0), "blurred": 0.0, "sigma": (2.0, 2.0)},
    **{"coarse": 0.0, "kept": (0.3, 0.3), "windowed": 0.0, "bias": 0.1, "noise": 0.5},
}


@pytest.mark.parametrize("name", Paint.model_fields)
def test_every_setting_of_paint_changes_the_image(name):
    changed = ALWAYS.model_copy(update={name: CHANGED[name]})
    assert not torch.allclose(painted(MAP, changed, random()), painted(MAP, ALWAYS, random()))


@pytest.mark.parametrize(
    "wrong",
    [{"labels": (9, 4)}, {"labels": (1, 4)}, {"grid": (0.5, 3)}, {"finer": -1}, {"ground": 1.1}, {"height": (2, 1)}],
)
def test_shapes_outside_their_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        Shapes(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"kept": (0, 1)}, {"sigma": (0, 1)}, {"blurred": 2}, {"noise": -1}, {"kept": (1, 0.5)}]
)
def test_paint_outside_its_bounds_is_refused(wrong):
    with pytest.raises(ValidationError):
        Paint(**wrong)
