"""Filled polygons agree with two other implementations, and holes stay open."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from skimage.measure import points_in_poly

from semivox.data.formats.dicom.polygons import filled

SHAPE = (23, 31)


def centers() -> np.ndarray:
    """(X * Y, 2) indices of all pixels."""
    return np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1).reshape(-1, 2)


def star(seed: int) -> np.ndarray:
    """A ragged outline, partly beyond the picture."""
    chance = np.random.default_rng(seed)
    angles = np.sort(chance.uniform(0, 2 * np.pi, chance.integers(3, 40)))
    radii = chance.uniform(1, 16, len(angles))
    return np.stack([11 + radii * np.cos(angles), 15 + radii * np.sin(angles)], axis=1) + chance.uniform(-3, 3, 2)


@pytest.mark.parametrize("seed", range(40))
def test_a_polygon_holds_the_centers_that_others_find_inside(seed):
    corners = star(seed)
    ours = filled([corners], SHAPE)
    assert np.array_equal(ours, points_in_poly(centers(), corners).reshape(SHAPE))
    closed = Outline(np.vstack([corners, corners[:1]]), closed=True)
    assert np.array_equal(ours, closed.contains_points(centers()).reshape(SHAPE))


@pytest.mark.parametrize("seed", range(10))
def test_a_crossing_polygon_is_filled_by_the_even_odd_rule(seed):
    corners = np.random.default_rng(seed).uniform(0, 22, (9, 2))
    ours = filled([corners], SHAPE)
    assert np.array_equal(ours, points_in_poly(centers(), corners).reshape(SHAPE))


def square(low: float, high: float) -> np.ndarray:
    return np.array([[low, low], [high, low], [high, high], [low, high]])


def test_an_inner_polygon_is_a_hole_and_one_inside_of_it_an_island():
    mask = filled([square(1.5, 18.5), square(4.5, 15.5), square(8.5, 11.5)], SHAPE)
    truth = np.zeros(SHAPE, bool)
    truth[2:19, 2:19] = True
    truth[5:16, 5:16] = False
    truth[9:12, 9:12] = True
    assert np.array_equal(mask, truth)


def test_a_keyhole_is_a_hole():
    outer, inner = square(1.5, 18.5), square(4.5, 15.5)
    keyhole = np.vstack([outer, outer[:1], inner[:1], inner[::-1], inner[:1] * 0 + inner[0], outer[:1]])
    assert np.array_equal(filled([keyhole], SHAPE), filled([outer, inner], SHAPE))


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_out():
    left = np.array([[2, 2], [10, 2], [10, 12], [2, 12]])
    right = np.array([[10, 2], [18, 2], [18, 12], [10, 12]])
    both = filled([left], SHAPE).astype(int) + filled([right], SHAPE)
    assert np.array_equal(both > 0, filled([np.array([[2, 2], [18, 2], [18, 12], [2, 12]])], SHAPE))
    assert both.max() == 1
