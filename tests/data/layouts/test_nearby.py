"""A folder that is mistyped, too deep, too high or empty: the sentence names the one that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from semivox.core.errors import InputError
from semivox.data.layouts.recognize import find
from tests.data.layouts.made import touch


def refused(path: Path) -> str:
    """What is said of a path that is no data set."""
    with pytest.raises(InputError) as caught:
        find(path)
    return str(caught.value)


@pytest.fixture
def scans(tmp_path):
    touch(tmp_path, "scans/images/a.nii.gz", "scans/images/b.nii.gz", "scans/labels/a.nii.gz")
    return tmp_path / "scans"


def test_a_mistyped_folder_gets_one_line_with_the_nearest_name(scans):
    said = refused(scans.with_name("scan"))
    assert said == f"{scans.parent / 'scan'} does not exist (did you mean 'scans'?); give the folder of your scans, " \
        "or a CSV table"  # fmt: skip


def test_a_folder_that_nothing_resembles_gets_one_line(scans):
    said = refused(scans.with_name("xyzzy"))
    assert "\n" not in said
    assert "did you mean" not in said


@pytest.mark.parametrize("inner", ["images", "labels", "images/a.nii.gz"])
def test_a_part_of_a_data_set_names_the_whole(scans, inner):
    assert refused(scans / inner) == f"{scans / inner} is not a data set, but {scans} is; give that"


@pytest.mark.parametrize("name", ["scans", "volumes", "anna's data"])
def test_a_folder_around_a_data_set_names_the_one_in_it(tmp_path, name):
    touch(tmp_path, f"{name}/images/a.nii.gz", f"{name}/labels/a.nii.gz")
    touch(tmp_path, "new_scans/c.nii.gz")
    assert refused(tmp_path) == f"{tmp_path} is not a data set, but {tmp_path / name} is; give that"


def test_two_data_sets_within_are_not_chosen_between(tmp_path):
    for name in ("first", "second"):
        touch(tmp_path, f"{name}/images/a.nii.gz", f"{name}/labels/a.nii.gz")
    assert "has no known layout; found: first, second. Accepted layouts:" in refused(tmp_path)


def test_an_empty_folder_is_called_empty(tmp_path):
    assert "has no known layout; it is empty. Accepted" in refused(tmp_path)


def test_images_of_parts_are_no_data_sets_of_their_own(tmp_path):
    touch(tmp_path, "images/train/a.nii.gz", "images/test/t.nii.gz", "labels/train/a.nii.gz", "labels/test/t.nii.gz")
    assert [entry.name for entry in find(tmp_path).entries] == ["a", "t"]
