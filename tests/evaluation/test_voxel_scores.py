"""Scores in voxels equal the values worked out by hand for the left-atrium protocol."""

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.evaluation.voxel_scores import read_voxel_rows, voxel_rows, write_voxel_rows

ORGAN = [("organ", 1)]


def cube(size, at, shape=(12, 12, 12)):
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(start, start + size) for start in at)] = 1
    return mask


@pytest.mark.parametrize(("shift", "dice", "hd95", "asd"), [(1, 2 / 3, 1.0, 10 / 26), (2, 1 / 3, 2.0, 1.0)])
def test_a_shifted_cube(shift, dice, hd95, asd):
    (row,) = voxel_rows("a", cube(3, (3 + shift, 3, 3)), cube(3, (3, 3, 3)), ORGAN)
    assert (row.dice, row.hd95_voxels) == (pytest.approx(dice), hd95)
    assert row.asd_voxels == pytest.approx(asd, abs=1e-6)


def test_asd_goes_from_prediction_to_reference_only():
    near, both = np.zeros((12, 3, 3), np.uint8), np.zeros((12, 3, 3), np.uint8)
    near[1, 1, 1] = both[1, 1, 1] = both[8, 1, 1] = 1
    assert voxel_rows("a", near, both, ORGAN)[0].asd_voxels == 0  # what was missed does not count
    assert voxel_rows("a", both, near, ORGAN)[0].asd_voxels == 3.5


def test_a_missed_object_has_no_distance_unless_the_published_rule_is_asked_for(tmp_path):
    empty, full = np.zeros((12, 12, 12), np.uint8), cube(3, (3, 3, 3))
    (honest,), (legacy,) = (voxel_rows("a", empty, full, ORGAN, missed_is_zero=rule) for rule in (False, True))
    assert (honest.dice, honest.hd95_voxels, honest.asd_voxels) == (0.0, None, None)
    assert (legacy.dice, legacy.hd95_voxels, legacy.asd_voxels, legacy.empty) == (0.0, 0.0, 0.0, "prediction")
    (invented,) = voxel_rows("a", full, empty, ORGAN, missed_is_zero=True)
    assert invented.hd95_voxels is None
    write_voxel_rows(tmp_path / "voxels.csv", [honest, legacy])
    assert read_voxel_rows(tmp_path / "voxels.csv") == [honest, legacy]
    (tmp_path / "voxels.csv").write_text("case,class_name\na,b\n")
    with pytest.raises(InputError, match="voxels"):
        read_voxel_rows(tmp_path / "voxels.csv")
