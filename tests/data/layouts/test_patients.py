"""Labels beside their images, in one folder or in one a patient."""

from __future__ import annotations

from semivox.data.layouts.recognize import default_split, find
from tests.data.layouts.made import told, touch


def test_image_and_label_side_by_side(tmp_path):
    touch(tmp_path, "a.nii.gz", "a_seg.nii.gz", "b.nrrd", "b-label.nrrd", "c.nii", "notes.txt")
    dataset = find(tmp_path)
    assert told(dataset) == {
        "a": ["training", "a_seg.nii.gz", "a.nii.gz"],
        "b": ["training", "b-label.nrrd", "b.nrrd"],
        "c": ["training", None, "c.nii"],
    }


def test_one_folder_a_patient(tmp_path):
    touch(tmp_path, "anna/ct.nii.gz", "anna/segmentation.nii.gz", "bert/ct.nii.gz", "carl/imaging.nii.gz")
    dataset = find(tmp_path)
    assert told(dataset) == {
        "anna": ["training", "anna/segmentation.nii.gz", "anna/ct.nii.gz"],
        "bert": ["training", None, "bert/ct.nii.gz"],
        "carl": ["training", None, "carl/imaging.nii.gz"],
    }


def test_several_images_of_a_patient_are_channels_in_one_order(tmp_path):
    for name in ("p1", "p2"):
        touch(tmp_path, *(f"{name}/{name}_{kind}.nii.gz" for kind in ("t2", "flair", "t1", "seg")))
    touch(tmp_path, *(f"p3/p3_{kind}.nii.gz" for kind in ("t1", "t2")))
    dataset = find(tmp_path)
    assert dataset.channels == ("flair", "t1", "t2")
    assert [path.name for path in dataset.entry("p2").images] == ["p2_flair.nii.gz", "p2_t1.nii.gz", "p2_t2.nii.gz"]
    assert len(dataset.entry("p3").images) == 2  # the check tells that a channel is missing


def test_test_patients_and_visits(tmp_path):
    touch(tmp_path, "train/p1/ct.nii.gz", "train/p1/mask.nii.gz", "test/p2/ct.nii.gz", "test/p2/mask.nii.gz")
    split = default_split(find(tmp_path))
    assert (split.labeled, split.test) == (("p1",), ("p2",))
    other = tmp_path / "other"
    touch(other, "p1/day1/ct.nii.gz", "p1/day1/seg.nii.gz", "p1/day2/ct.nii.gz", "p2/day1/ct.nii.gz")
    found = {entry.name: entry.group for entry in find(other).entries}
    assert found == {"p1_day1": "p1", "p1_day2": "p1", "p2_day1": "p2"}


def test_several_labels_of_a_patient_are_an_error(tmp_path):
    touch(tmp_path, "a/ct.nii.gz", "a/seg.nii.gz", "b/ct.nii.gz", "b/seg.nii.gz", "b/mask.nii.gz")
    dataset = find(tmp_path)
    assert [(remark.level, remark.code) for remark in dataset.remarks] == [("error", "two_labels")]
    assert dataset.entry("b").label is None
