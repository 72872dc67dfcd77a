"""BIDS folders with labels among the derivatives."""

from __future__ import annotations

import pytest

from semivox.core.errors import InputError
from semivox.data.layouts.recognize import default_split, find
from tests.data.layouts.made import told, touch

ANAT = "sub-{0}/anat/sub-{0}_T1w.nii.gz"


def test_labels_are_found_among_the_derivatives(tmp_path):
    touch(tmp_path, *(ANAT.format(name) for name in ("01", "02", "03")))
    touch(tmp_path, "derivatives/manual/sub-01/anat/sub-01_desc-expert_dseg.nii.gz")
    touch(tmp_path, "derivatives/manual/sub-02/anat/sub-02_label-lesion_mask.nii.gz", "sub-01/func/sub-01_bold.nii.gz")
    touch(tmp_path, "derivatives/fmriprep/sub-03/anat/sub-03_space-MNI152_dseg.nii.gz")
    dataset = find(tmp_path)
    assert dataset.layout == "BIDS"
    split = default_split(dataset)
    assert (split.labeled, split.unlabeled) == (("sub-01", "sub-02"), ("sub-03",))
    assert dataset.channels == ("T1w",)
    assert {entry.group for entry in dataset.entries} == {"sub-01", "sub-02", "sub-03"}


def test_sessions_are_cases_of_one_patient_with_their_own_labels(tmp_path):
    for session in ("1", "2"):
        touch(tmp_path, *(f"sub-1/ses-{session}/anat/sub-1_ses-{session}_{kind}.nii.gz" for kind in ("T1w", "T2w")))
    touch(tmp_path, "derivatives/labels/sub-1/ses-2/anat/sub-1_ses-2_seg.nii.gz")
    assert told(find(tmp_path)) == {
        "sub-1_ses-1": [
            "training", None, "sub-1/ses-1/anat/sub-1_ses-1_T1w.nii.gz", "sub-1/ses-1/anat/sub-1_ses-1_T2w.nii.gz"
        ],
        "sub-1_ses-2": [
            "training", "derivatives/labels/sub-1/ses-2/anat/sub-1_ses-2_seg.nii.gz",
            "sub-1/ses-2/anat/sub-1_ses-2_T1w.nii.gz", "sub-1/ses-2/anat/sub-1_ses-2_T2w.nii.gz",
        ],
    }  # fmt: skip
    assert {entry.group for entry in find(tmp_path).entries} == {"sub-1"}


def test_images_that_not_every_subject_has_are_told(tmp_path):
    touch(tmp_path, ANAT.format("1"), ANAT.format("2"), "sub-1/anat/sub-1_FLAIR.nii.gz")
    dataset = find(tmp_path)
    assert dataset.channels == ("T1w",)
    assert [remark.code for remark in dataset.remarks] == ["extra_files"]
    assert "FLAIR" in dataset.remarks[0].message


def test_two_labels_of_one_kind_are_an_error(tmp_path):
    touch(tmp_path, ANAT.format("1"), "derivatives/x/sub-1/anat/sub-1_desc-anna_dseg.nii.gz")
    touch(tmp_path, "derivatives/y/sub-1/anat/sub-1_desc-bert_dseg.nii.gz")
    dataset = find(tmp_path)
    assert dataset.entry("sub-1").label is None
    assert [(remark.level, remark.code) for remark in dataset.remarks] == [("error", "two_labels")]


def test_subjects_without_a_common_image_are_refused(tmp_path):
    touch(tmp_path, ANAT.format("1"), "sub-2/anat/sub-2_T2w.nii.gz")
    with pytest.raises(InputError, match="one suffix"):
        find(tmp_path)
