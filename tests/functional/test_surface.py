"""Surfaces and the distances between them, against all-pairs distances and numbers worked out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from semivox.functional.surface import (
    bounding_box,
    class_boxes,
    joint_box,
    surface,
    surface_distances,
)

UNIT = (1.0, 1.0, 1.0)


def cube(shape, corner, side):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(start, start + side) for start in corner)] = True
    return mask


def all_pairs(prediction, reference, spacing):
    """The slow, obvious form: every surface voxel against every surface voxel of the other mask."""
    a, b = (np.argwhere(surface(mask)) * np.array(spacing) for mask in (prediction, reference))
    lengths = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return lengths.min(1), lengths.min(0)


def random_blob(seed, shape):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.6, 2.0))
    return field > np.quantile(field, rng.uniform(0.6, 0.99))


def test_a_surface_is_a_mask_minus_its_erosion():
    for seed in range(20):
        mask = random_blob(seed, (9, 11, 7))
        eroded = ndimage.binary_erosion(mask, ndimage.generate_binary_structure(3, 1))
        assert np.array_equal(surface(mask), mask & ~eroded)


def test_object_voxels_at_the_edge_of_the_array_are_surface():
    slab = np.zeros((4, 4, 4), bool)
    slab[:2] = True
    assert surface(slab).sum() == 32
    assert surface(np.ones((3, 3, 3), bool)).sum() == 26
    assert surface(np.ones((1, 5, 5), bool)).sum() == 25


def test_cubes_have_26_and_98_surface_voxels():
    assert surface(cube((9, 9, 9), (3, 3, 3), 3)).sum() == 26
    assert surface(cube((9, 9, 9), (2, 2, 2), 5)).sum() == 98


@pytest.mark.parametrize(("shift", "hd95", "asd"), [(1, 1.0, 10 / 26), (2, 2.0, 1.0)])
def test_a_cube_and_its_shifted_self(shift, hd95, asd):
    distances = surface_distances(cube((12,) * 3, (3, 3, 3), 3), cube((12,) * 3, (3 + shift, 3, 3), 3), UNIT)
    assert distances.hd95() == pytest.approx(hd95)
    assert distances.asd() == pytest.approx(asd)


@pytest.mark.parametrize(("shift", "spacing", "hd95"), [(1, 1.0, 1.0), (2, 1.0, 2.0), (2, 2.0, 4.0)])
def test_a_larger_cube_and_its_shifted_self_in_mm(shift, spacing, hd95):
    first, second = cube((20,) * 3, (5, 5, 5), 5), cube((20,) * 3, (5 + shift, 5, 5), 5)
    assert surface_distances(first, second, (spacing,) * 3).hd95() == hd95


def test_one_far_voxel_moves_the_maximum_and_not_the_95th_percentile():
    first = cube((20,) * 3, (5, 5, 5), 5)
    second = first.copy()
    second[15, 15, 15] = True
    distances = surface_distances(second, first, UNIT)
    assert distances.hd95() == 0
    assert distances.pooled().max() == pytest.approx(10.392, abs=1e-3)


def test_single_voxels():
    near, far = cube((20,) * 3, (4, 4, 4), 1), cube((20,) * 3, (7, 4, 4), 1)
    assert surface_distances(near, far, UNIT).hd95() == 3
    reference = near | cube((20,) * 3, (11, 4, 4), 1)
    distances = surface_distances(near, reference, UNIT)
    assert distances.asd() == 0
    assert surface_distances(reference, near, UNIT).asd() == 3.5
    assert distances.assd() == pytest.approx(7 / 3)
    assert distances.pooled().max() == 7
    assert distances.hd95() == pytest.approx(6.3)
    assert distances.hd95_max() == pytest.approx(6.65)


def test_pooled_and_directed_percentiles_differ_on_a_longer_line():
    line, longer = np.zeros((30, 3, 3), bool), np.zeros((30, 3, 3), bool)
    line[2:22, 1, 1] = True
    longer[2:25, 1, 1] = True
    distances = surface_distances(line, longer, UNIT)
    assert distances.hd95() == pytest.approx(0.9)
    assert np.percentile(distances.from_prediction, 95) == 0
    assert np.percentile(distances.from_reference, 95) == pytest.approx(1.9)
    assert distances.hd95_max() == pytest.approx(1.9)


def test_a_cube_inside_a_cube():
    inner, outer = cube((9,) * 3, (3, 3, 3), 3), cube((9,) * 3, (2, 2, 2), 5)
    distances = surface_distances(inner, outer, UNIT)
    assert distances.asd() == 1
    assert surface_distances(outer, inner, UNIT).asd() == pytest.approx(1.211919, abs=1e-6)
    assert distances.assd() == pytest.approx(1.167485, abs=1e-6)
    assert distances.hd95() == pytest.approx(np.sqrt(3))
    assert surface_distances(inner, outer, (0.625,) * 3).hd95() == pytest.approx(1.082532, abs=1e-6)


@pytest.mark.parametrize("spacing", [UNIT, (0.7, 0.7, 2.0), (0.6836, 0.7113, 1.9371)])
def test_distances_equal_those_of_all_pairs(spacing):
    for seed in range(15):
        prediction, reference = random_blob(seed, (10, 12, 8)), random_blob(100 + seed, (10, 12, 8))
        distances = surface_distances(prediction, reference, spacing)
        forth, back = all_pairs(prediction, reference, spacing)
        np.testing.assert_allclose(distances.from_prediction, forth, atol=1e-6)
        np.testing.assert_allclose(distances.from_reference, back, atol=1e-6)


def test_empty_space_around_the_masks_changes_nothing():
    first, second = cube((12,) * 3, (3, 3, 3), 3), cube((12,) * 3, (5, 4, 3), 4)
    around = [np.pad(mask, ((0, 9), (30, 2), (5, 5))) for mask in (first, second)]
    before, after = surface_distances(first, second, UNIT), surface_distances(*around, UNIT)
    assert np.array_equal(before.from_prediction, after.from_prediction)
    assert np.array_equal(before.from_reference, after.from_reference)


def test_memory_order_changes_nothing():
    first, second = random_blob(1, (14, 9, 7)), random_blob(2, (14, 9, 7))
    spacing = (0.5, 1.0, 3.0)
    before = surface_distances(first, second, spacing)
    after = surface_distances(np.asfortranarray(first), np.asfortranarray(second), spacing)
    assert np.array_equal(before.pooled(), after.pooled())


def test_a_distance_equal_to_the_tolerance_is_within_it():
    first, second = cube((30, 4, 4), (2, 1, 1), 1), cube((30, 4, 4), (12, 1, 1), 1)
    assert surface_distances(first, second, (0.1, 0.1, 0.1)).within(1.0) == 1
    assert surface_distances(first, second, (0.101, 0.1, 0.1)).within(1.0) == 0


def test_an_empty_mask_has_no_distance():
    empty, some = np.zeros((4, 4, 4), bool), cube((4, 4, 4), (1, 1, 1), 2)
    for pair in ((empty, some), (some, empty), (empty, empty)):
        assert surface_distances(*pair, UNIT) is None


def test_masks_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        surface_distances(np.ones((2, 2, 2), bool), np.ones((2, 2, 3), bool), UNIT)


def test_boxes_hold_exactly_the_voxels_of_their_class():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[2:4, 3, 5:8] = 1
    labels[8, 0, 0] = 7
    expected = {1: np.s_[2:4, 3:4, 5:8], 7: np.s_[8:9, 0:1, 0:1], 3: None}
    assert class_boxes(labels, [1, 7, 3]) == expected
    assert {value: bounding_box(labels == value) for value in (1, 7, 3)} == expected
    assert class_boxes(labels.astype(np.int32) - 1, [0, 6, -1])[6] == expected[7]
    assert joint_box(expected[1], expected[7]) == np.s_[2:9, 0:4, 0:8]
    assert joint_box(None, expected[7]) == expected[7]
    assert class_boxes(labels, []) == {}
