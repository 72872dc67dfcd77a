"""Tables for spreadsheets: numbers in full, names as text."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from semivox.core.csv_files import escape, unescape, write_csv
from semivox.core.errors import SemivoxError
from semivox.evaluation.voxel_scores import VoxelRow, read_voxel_rows, write_voxel_rows
from semivox.reports.difficulty import read_difficulty, write_difficulty

HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", 'a,"b', "a\nb", "plain")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_a_spreadsheet_would_run_is_text_and_comes_back(tmp_path, name):
    assert not escape(name).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescape(escape(name)) == name
    write_voxel_rows(tmp_path / "voxels.csv", [row := voxels(name)])
    assert read_voxel_rows(tmp_path / "voxels.csv") == [row]
    write_difficulty(tmp_path / "difficulty.csv", {name: np.float64(1.5)})
    assert read_difficulty(tmp_path / "difficulty.csv") == {name: 1.5}
    for file in ("voxels.csv", "difficulty.csv"):
        with (tmp_path / file).open(newline="", encoding="utf-8") as stream:
            assert list(csv.reader(stream))[1][0] == escape(name)


def voxels(name: str) -> VoxelRow:
    """A row with a missed object."""
    return VoxelRow(
        case=name, class_name="organ", dice=0.1 + 0.2, jaccard=0.0, hd95_voxels=None, asd_voxels=None, empty="neither"
    )


def test_numbers_are_in_full_and_nothing_is_empty():
    assert [escape(cell) for cell in (0.1 + 0.2, np.float64(0.5), 3, None, "")] == [
        "0.30000000000000004", "0.5", "3", "", "",
    ]  # fmt: skip


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path):
    write_csv(tmp_path / "a.csv", ["x"], [[1]])

    def broken():
        yield [2]
        raise OSError(28, "No space left on device")

    with pytest.raises(SemivoxError, match=r"cannot write .*a\.csv: No space"):
        write_csv(tmp_path / "a.csv", ["x"], broken())
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").split() == ["x", "1"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
