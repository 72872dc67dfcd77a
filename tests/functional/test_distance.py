"""Signed distance maps: worked examples, and scipy as the slow oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from semivox.functional.distance import signed_distance, signed_distance_of_mask
from tests.functional.made_up import ONE, cube


def line(*members: int, length: int = 9) -> np.ndarray:
    mask = np.zeros((1, 1, length), bool)
    mask[0, 0, list(members)] = True
    return mask


def slow(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """The definition, word by word, with scipy's transforms."""
    inside, outside = (ndimage.distance_transform_edt(m, sampling=spacing) for m in (mask, ~mask))
    signed = outside / outside.max() - inside / inside.max()
    for index in np.argwhere(mask):
        for axis in range(3):
            for side in (-1, 1):
                other = index.copy()
                other[axis] += side
                within = 0 <= other[axis] < mask.shape[axis]
                if within and not mask[tuple(other)]:
                    signed[tuple(index)] = 0
    return signed


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (line(3, 4, 5, 6), [1, 2 / 3, 1 / 3, 0, -1, -1, 0, 1 / 3, 2 / 3]),
        (line(0, 1, 2, 3, 4), [-1, -0.8, -0.6, -0.4, 0, 0.25, 0.5, 0.75, 1]),
        (line(2, 3, 4, length=7), [1, 0.5, 0, -1, 0, 0.5, 1]),
    ],
)
def test_lines_worked_out_by_hand(mask, expected):
    np.testing.assert_allclose(signed_distance_of_mask(mask, ONE)[0, 0], expected, rtol=1e-6)


def test_a_cube_worked_out_by_hand():
    signed = signed_distance_of_mask(cube(5, 9), ONE)
    through = [0.57735, 0.28868, 0, -2 / 3, -1, -2 / 3, 0, 0.28868, 0.57735]
    np.testing.assert_allclose(signed[:, 4, 4], through, atol=1e-5)
    assert (signed == 0).sum() == 98
    assert signed[4, 4, 4] == -1
    assert signed[0, 0, 0] == 1
    small = signed_distance_of_mask(cube(3, 5), ONE)
    np.testing.assert_allclose([small[0, 2, 2], small[0, 0, 2]], [0.57735, 0.81650], atol=1e-5)
    assert signed_distance_of_mask(cube(2, 6), ONE).min() == 0


@pytest.mark.parametrize("spacing", [ONE, (2.0, 1.0, 0.8)])
def test_random_masks_against_the_slow_definition(spacing):
    rng = np.random.default_rng(0)
    for share in (0.05, 0.5, 0.95):
        mask = (
            ndimage.binary_dilation(rng.random((7, 9, 11)) < share / 4)
            if share < 0.9
            else rng.random((7, 9, 11)) < share
        )
        np.testing.assert_allclose(signed_distance_of_mask(mask, spacing), slow(mask, spacing), atol=1e-6)


def test_a_class_that_is_absent_or_everywhere_stays_finite():
    empty = np.zeros((4, 5, 6), np.uint8)
    assert (signed_distance(empty, ONE, 3) == 1).all()
    full = signed_distance(empty + 1, ONE, 3)
    assert (full[0] == -1).all()
    assert (full[1] == 1).all()
    assert (signed_distance(empty + 255, ONE, 2) == 1).all()


def test_each_class_has_its_own_map():
    label = np.zeros((9, 9, 20), np.uint8)
    label[:, :, :9][cube(5, 9)], label[:, :, 10:19][cube(3, 9)] = 1, 2
    maps = signed_distance(label, ONE, 3)
    for index in (1, 2):
        np.testing.assert_array_equal(maps[index - 1], signed_distance_of_mask(label == index, ONE))


def test_flips_and_turns_commute_and_cropping_does_not():
    mask = np.random.default_rng(1).random((8, 8, 8)) < 0.5
    whole = signed_distance_of_mask(mask, ONE)
    for change in (lambda m: m[::-1], lambda m: np.rot90(m, 1, (0, 2)), lambda m: m.transpose(2, 0, 1)):
        np.testing.assert_array_equal(signed_distance_of_mask(change(mask), ONE), change(whole))
    ball = cube(5, 9)
    assert not np.allclose(signed_distance_of_mask(ball[3:, 3:], ONE), signed_distance_of_mask(ball, ONE)[3:, 3:])


def test_unknown_voxels_take_the_nearest_label():
    label = np.zeros((1, 1, 9), np.uint8)
    label[0, 0, 3:7] = 1
    unsure = label.copy()
    unsure[0, 0, 5] = 255
    np.testing.assert_array_equal(signed_distance(unsure, ONE, 2), signed_distance(label, ONE, 2))
