"""Fixed patches lie within their scan, share little, stand where they stood, and are the same every time."""

import numpy as np
import pytest

from semivox.core.case import Volume
from semivox.core.geometry import Grid
from semivox.data.fixed_patches import Patch, PatchChoice, brought_to, cut, places, shared

CHOICE = PatchChoice(size=(8, 8, 6), spacing=None, per_scan=6, overlap=0.2)


def volume(array, spacing=(1.0, 1.0, 2.0)):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-20.0, 5.0, 30.0)
    grid = Grid(array.shape[1:], affine)
    return Volume(array, grid, grid)


def test_patches_lie_within_the_scan_and_share_little():
    found = places("a", (30, 25, 20), CHOICE, None)
    assert len(found) == 6
    for index, patch in enumerate(found):
        assert all(p >= 0 and p + n <= s for p, n, s in zip(patch.corner, patch.size, (30, 25, 20)))
        assert all(shared(patch, other) <= 0.2 for other in found[:index])


def test_shared_counts_voxels():
    a, b = Patch((0, 0, 0), (4, 4, 4)), Patch((2, 1, 0), (4, 4, 4))
    one, other = np.zeros((9, 9, 9), bool), np.zeros((9, 9, 9), bool)
    one[a.box] = other[b.box] = True
    assert shared(a, b) == (one & other).sum() / 64
    assert shared(a, Patch((4, 0, 0), (4, 4, 4))) == 0


def test_places_depend_on_name_and_seed_alone():
    again = [places("a", (30, 25, 20), CHOICE, None) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != places("b", (30, 25, 20), CHOICE, None)
    assert again[0] != places("a", (30, 25, 20), CHOICE.model_copy(update={"seed": 2}), None)


def test_patches_show_the_object_where_there_is_a_label():
    label = np.zeros((40, 40, 30), np.uint8)
    label[4:10, 4:10, 4:10] = 1
    wanted = CHOICE.model_copy(update={"foreground": 0.1, "overlap": 0.9})
    found = places("a", label.shape, wanted, label)
    assert found
    assert all((label[patch.box] > 0).mean() >= 0.1 for patch in found)
    assert places("a", label.shape, CHOICE, np.zeros_like(label)) == []


def test_a_scan_smaller_than_the_patch_gives_all_it_has():
    (patch,) = places("a", (5, 8, 6), CHOICE, None)
    assert patch == Patch((0, 0, 0), (5, 8, 6))


def test_a_patch_stands_where_it_stood():
    array = np.random.default_rng(0).normal(size=(2, 12, 11, 10)).astype(np.float32)
    whole, patch = volume(array), Patch((3, 2, 4), (5, 6, 4))
    piece = cut(whole, patch)
    np.testing.assert_array_equal(piece.array, array[:, 3:8, 2:8, 4:8])
    first = whole.grid.affine @ [3, 2, 4, 1]
    np.testing.assert_allclose(piece.grid.affine[:3, 3], first[:3])
    assert piece.spacing == whole.spacing


@pytest.mark.parametrize("label", [False, True])
def test_resampling_keeps_the_field_of_view_and_label_values(label):
    array = np.zeros((1, 12, 12, 6), np.int16 if label else np.float32)
    array[0, 3:9, 3:9, 2:5] = 500 if label else 1.0
    found = brought_to(volume(array), (1.0, 1.0, 1.0), label)
    assert found.shape == (12, 12, 12)
    assert found.spacing == pytest.approx((1.0, 1.0, 1.0))
    outer = found.grid.affine[:3, 3] - np.array([0.5, 0.5, 0.5])  # corner of the first voxel
    np.testing.assert_allclose(outer, np.array([-20.5, 4.5, 29.0]))
    if label:
        assert set(np.unique(found.array)) == {0, 500}
    assert (found.array[0] > 0.5).sum() == pytest.approx(6 * 6 * 6, rel=0.05)
