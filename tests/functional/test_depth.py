"""Depth below a voxel's own surface, against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.core.case import IGNORE
from semivox.functional.depth import surface_depth
from tests.functional.made_up import cube
from tests.functional.restatements import slow_depth

CUBE = cube(10, 20).astype(np.uint8)
"""One of 10 voxels amid 20."""


def test_voxels_within_a_millimeter_of_a_cube():
    depth, label = surface_depth(CUBE, (1, 1, 1), 2), CUBE
    assert ((depth <= 1) & (label == 1)).sum() == 488  # 10^3 - 8^3
    assert ((depth <= 1) & (label == 0)).sum() == 600  # faces only; diagonal neighbors are farther


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.8)])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_against_brute_force(spacing, classes):
    rng = np.random.default_rng(classes)
    label = rng.integers(0, classes, (3, 3, 4)).repeat(3, 0).repeat(3, 1).repeat(2, 2).astype(np.uint8)
    found = surface_depth(label, spacing, classes)
    assert found.dtype == np.float32
    assert found.shape == label.shape
    np.testing.assert_allclose(found, slow_depth(label, spacing), rtol=1e-5)


def test_faces_of_the_patch_are_no_surface():
    label = np.zeros((6, 6, 12), np.uint8)
    label[..., 6:] = 1
    depth = surface_depth(label, (1, 1, 2), 2)
    expected = 2.0 * np.array([6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6])
    np.testing.assert_allclose(depth, np.broadcast_to(expected, label.shape))


@pytest.mark.parametrize("value", [0, 1, 2])
def test_a_patch_of_one_label_has_no_surface(value):
    assert np.isposinf(surface_depth(np.full((4, 5, 6), value, np.uint8), (1, 1, 1), 3)).all()


def test_unknown_voxels_are_infinitely_deep():
    label = CUBE.copy()
    label[:3] = IGNORE
    depth = surface_depth(label, (1, 1, 1), 2)
    assert np.isposinf(depth[:3]).all()
    np.testing.assert_array_equal(depth[3:], surface_depth(CUBE, (1, 1, 1), 2)[3:])


@pytest.mark.parametrize("value", [0, 1])
def test_unknown_voxels_make_no_surface(value):
    label = np.full((8, 8, 8), value, np.uint8)
    label[2:5, 2:5, 2:5] = IGNORE
    assert np.isposinf(surface_depth(label, (1, 1, 1), 2)).all()


def test_a_label_unknown_everywhere_has_no_surface():
    assert np.isposinf(surface_depth(np.full((4, 4, 4), IGNORE, np.uint8), (1, 1, 1), 2)).all()


def test_a_gap_of_unknown_voxels_is_shared_by_its_two_sides():
    label = np.zeros((1, 1, 10), np.uint8)
    label[..., 6:] = 1
    label[..., 4:6] = IGNORE
    depth = surface_depth(label, (1, 1, 1), 2)[0, 0]
    np.testing.assert_allclose(depth[[0, 3, 6, 9]], [5, 2, 2, 5])


def test_the_label_is_left_as_it_was_whatever_its_layout():
    label = np.asfortranarray(CUBE[:, ::2])
    kept = label.copy()
    found = surface_depth(label, (1, 2, 1), 2)
    np.testing.assert_array_equal(label, kept)
    np.testing.assert_array_equal(found, surface_depth(np.ascontiguousarray(kept), (1, 2, 1), 2))
    assert np.isfinite(found).all()
