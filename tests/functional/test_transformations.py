"""Flips, turns and zooms, and that each way back is the right one."""

from __future__ import annotations

import itertools

import pytest
import torch

from semivox.core.errors import InputError
from semivox.functional.transformations import Transformation, drawn, in_view, restored, transformed

ALL = [
    Transformation(flips=tuple(axis for axis, yes in enumerate(flips) if yes), turns=turns)
    for flips in itertools.product((False, True), (False,), (False, True))
    for turns in range(4)
]


@pytest.mark.parametrize("by", ALL, ids=str)
def test_the_way_back_is_exact(by):
    torch.manual_seed(0)
    values = torch.randn(2, 2, 6, 6, 4)
    assert torch.equal(restored(transformed(values, [by] * 2), [by] * 2), values)
    assert torch.equal(transformed(values, [by] * 2), values) == (by == Transformation())


@pytest.mark.parametrize("by", ALL, ids=str)
def test_differences_are_the_same_before_and_after_the_way_back(by):
    a, b = torch.randn(2, 1, 3, 6, 6, 4, dtype=torch.float64)
    one = (transformed(a, [by]) - b).square().mean()
    torch.testing.assert_close(one, (a - restored(b, [by])).square().mean())


def test_samples_go_their_own_ways():
    values = torch.randn(3, 1, 6, 6, 4)
    ways = [Transformation(flips=(0,)), Transformation(), Transformation(turns=1)]
    found = transformed(values, ways)
    assert torch.equal(found[0], values[0].flip(1))
    assert torch.equal(found[1], values[1])
    assert torch.equal(found[2], values[2].rot90(1, (1, 2)))
    assert torch.equal(restored(found, ways), values)


def test_flips_come_before_turns():
    values = torch.randn(1, 1, 6, 6, 4)
    found = transformed(values, [Transformation(flips=(0,), turns=1)])
    assert torch.equal(found[0], values[0].flip(1).rot90(1, (1, 2)))
    assert not torch.equal(found[0], values[0].rot90(1, (1, 2)).flip(1))


def test_gradients_find_the_way_back():
    values = torch.randn(2, 1, 6, 6, 4, requires_grad=True)
    ways = [Transformation(flips=(0, 2), turns=3), Transformation(turns=1)]
    weight = torch.randn(2, 1, 6, 6, 4)
    (restored(values, ways) * weight).sum().backward()
    assert torch.equal(values.grad, transformed(weight, ways))


def test_all_are_drawn_equally_often():
    torch.manual_seed(0)
    ways = drawn(4000, (0, 2), (0, 1, 2, 3))
    counts = {way: ways.count(way) for way in set(ways)}
    assert len(counts) == 16
    assert all(abs(count - 250) < 75 for count in counts.values())  # almost five standard deviations
    assert set(drawn(9, (), (0,))) == {Transformation()}
    assert {way.turns for way in drawn(99, (), (0, 2))} == {0, 2}
    zooms = torch.tensor([way.zoom for way in drawn(1000, (), (0,), zoom=0.1)])
    assert 0.9 <= zooms.min() < 0.905
    assert 1.095 < zooms.max() <= 1.1


def test_a_quarter_turn_of_a_patch_that_is_not_square_is_refused():
    with pytest.raises(InputError, match=r"6 x 8 .* 'half'"):
        transformed(torch.zeros(1, 1, 6, 8, 4), [Transformation(turns=1)])
    assert transformed(torch.zeros(1, 1, 6, 8, 4), [Transformation(turns=2)]).shape == (1, 1, 6, 8, 4)


def blob(radius: float) -> torch.Tensor:
    """A smooth bell about the center of an odd patch."""
    axes = [torch.linspace(1 / n - 1, 1 - 1 / n, n) * n / 2 for n in (24, 24, 32)]
    x, y, z = torch.meshgrid(*axes, indexing="ij")
    return torch.exp(-(x**2 + y**2 + z**2) / (2 * radius**2))[None, None]


@pytest.mark.parametrize("zoom", [0.8, 0.9, 1.1, 1.25])
def test_a_zoom_enlarges_about_the_center_and_is_undone(zoom):
    found = transformed(blob(4), [Transformation(zoom=zoom)])
    torch.testing.assert_close(found, blob(4 * zoom), atol=0.03, rtol=0)
    assert not torch.allclose(found, blob(4), atol=0.03)
    apart = (restored(found, [Transformation(zoom=zoom)]) - blob(4))[0] * in_view(found, [Transformation(zoom=zoom)])
    assert apart.abs().max() < 0.05


@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.3])
def test_voxels_in_view_come_back(zoom):
    """A ramp along each axis is interpolated exactly; beyond the view its edges are repeated, and differ.

    Where a patch gets smaller, its two outermost voxels are interpolated with what is repeated around it.
    """
    way = [Transformation(zoom=zoom, flips=(1,), turns=2)]
    axes = [torch.linspace(-1, 1, n) for n in (8, 8, 12)]
    values = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
    back = restored(transformed(values, way), way)
    near, seen = (back - values).abs().amax(1) < 1e-5, in_view(values, way)
    inner = (..., *[slice(2, -2) if zoom < 1 else slice(None)] * 3)
    assert torch.equal(near[inner], seen[inner])
    assert seen.all() == (zoom <= 1)


def test_each_patch_has_its_own_view():
    views = in_view(torch.zeros(3, 1, 8, 8, 8), [Transformation(zoom=z) for z in (1.0, 2.0, 0.5)])
    assert [v.sum().item() for v in views] == [512, 64, 512]
