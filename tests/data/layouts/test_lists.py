"""Lists in JSON files as nnU-Net 1, MONAI and people on Windows write them."""

from __future__ import annotations

import pytest

from semivox.core.errors import InputError
from semivox.data.layouts.recognize import default_split, find
from tests.data.layouts.made import describe, told, touch


def test_nnunet_1_lists_names_without_channel_numbers(tmp_path):
    for name in "ab":
        touch(tmp_path, f"imagesTr/{name}_0000.nii.gz", f"imagesTr/{name}_0001.nii.gz", f"labelsTr/{name}.nii.gz")
    touch(tmp_path, "imagesTr/u_0000.nii.gz", "imagesTr/u_0001.nii.gz")
    touch(tmp_path, "imagesTs/t_0000.nii.gz", "imagesTs/t_0001.nii.gz", "labelsTs/t.nii.gz")
    listed = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in "ab"]
    describe(tmp_path, training=listed, test=["./imagesTs/t.nii.gz"])
    assert told(find(tmp_path)) == {
        "a": ["training", "labelsTr/a.nii.gz", "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"],
        "b": ["training", "labelsTr/b.nii.gz", "imagesTr/b_0000.nii.gz", "imagesTr/b_0001.nii.gz"],
        "t": ["test", "labelsTs/t.nii.gz", "imagesTs/t_0000.nii.gz", "imagesTs/t_0001.nii.gz"],
        "u": ["training", None, "imagesTr/u_0000.nii.gz", "imagesTr/u_0001.nii.gz"],
    }


@pytest.mark.parametrize("prefix", [".\\", "", "D:\\data\\set\\", "D:/data/set/", "/home/anna/set/", "\\\\server\\x\\"])
def test_paths_of_windows_and_of_another_machine_are_found(tmp_path, prefix):
    touch(tmp_path, "scans/images/a.nii.gz", "scans/labels/a.nii.gz")
    slash = "\\" if "\\" in prefix else "/"
    place = f"{prefix}scans{slash}"
    describe(tmp_path, training=[{"image": f"{place}images{slash}a.nii.gz", "label": f"{place}labels{slash}a.nii.gz"}])
    dataset = find(tmp_path)
    assert told(dataset) == {"a": ["training", "scans/labels/a.nii.gz", "scans/images/a.nii.gz"]}
    moved = prefix.startswith(("D", "/", "\\"))
    assert [remark.code for remark in dataset.remarks] == (["moved_files"] if moved else [])


def test_a_file_alone_of_an_absolute_path_is_not_searched_for(tmp_path):
    touch(tmp_path, "a.nii.gz")
    describe(tmp_path, training=[{"image": "/elsewhere/a.nii.gz"}])
    assert find(tmp_path).entry("a").images[0] != tmp_path / "a.nii.gz"


@pytest.mark.parametrize("name", ["dataset.json", "datalist_fold0.json", "Dataset.JSON"])
def test_monai_datalists_with_test_labels_and_several_images(tmp_path, name):
    touch(tmp_path, *(f"{kind}/{case}.nii.gz" for kind in ("t1", "t2", "y") for case in "abt"))
    items = [{"image": [f"t1/{c}.nii.gz", f"t2/{c}.nii.gz"], "label": f"y/{c}.nii.gz", "fold": 0} for c in "abt"]
    describe(tmp_path, name, training=items[:2], testing=items[2:])
    for root in (tmp_path, tmp_path / name):
        dataset = find(root)
        assert default_split(dataset).test == ("t",)
        assert told(dataset)["a"] == ["training", "y/a.nii.gz", "t1/a.nii.gz", "t2/a.nii.gz"]


def test_other_json_files_are_left_alone(tmp_path):
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz")
    describe(tmp_path, "notes.json", training="yes")
    assert find(tmp_path).layout == "two folders"


def test_two_lists_are_refused(tmp_path):
    touch(tmp_path, "a.nii.gz")
    describe(tmp_path, "one.json", training=[{"image": "a.nii.gz"}])
    describe(tmp_path, "two.json", training=[{"image": "a.nii.gz"}])
    with pytest.raises(InputError, match=r"one\.json and two\.json"):
        find(tmp_path)


def test_cases_are_named_by_their_folders_where_files_have_one_name(tmp_path):
    touch(tmp_path, *(f"{case}/{kind}.nii.gz" for case in "ab" for kind in ("ct", "seg")))
    describe(tmp_path, training=[{"image": f"{case}/ct.nii.gz", "label": f"{case}/seg.nii.gz"} for case in "ab"])
    assert told(find(tmp_path)) == {case: ["training", f"{case}/seg.nii.gz", f"{case}/ct.nii.gz"] for case in "ab"}


def test_one_name_in_two_lists_is_two_cases(tmp_path):
    touch(tmp_path, "imagesTr/1.nii.gz", "labelsTr/1.nii.gz", "imagesTs/1.nii.gz", "labelsTs/1.nii.gz")
    describe(
        tmp_path,
        training=[{"image": "imagesTr/1.nii.gz", "label": "labelsTr/1.nii.gz"}],
        test=[{"image": "imagesTs/1.nii.gz", "label": "labelsTs/1.nii.gz"}],
    )
    split = default_split(find(tmp_path))
    assert (len(split.labeled), len(split.test)) == (1, 1)


def test_scans_that_no_list_names_are_told(tmp_path):
    touch(tmp_path, "imagesTr/a.nii.gz", "imagesTr/b.nii.gz", "labelsTr/a.nii.gz", "labelsTr/b.nii.gz")
    describe(tmp_path, training=[{"image": "imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz"}])
    dataset = find(tmp_path)
    assert list(told(dataset)) == ["a"]
    assert [(remark.code, "b.nii.gz" in remark.message) for remark in dataset.remarks] == [("not_listed", True)]


@pytest.mark.parametrize("item", [{"image": 3}, {"image": []}, {"label": "x"}, {"image": "a.nii", "label": ["b", "c"]}])
def test_bad_items_name_the_file(tmp_path, item):
    describe(tmp_path, training=[item])
    with pytest.raises(InputError, match=r"dataset\.json"):
        find(tmp_path)
