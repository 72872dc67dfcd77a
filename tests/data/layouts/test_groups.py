"""Scans of one patient are known by their names, and stay on one side of every split."""

from __future__ import annotations

import pytest

from semivox.core.errors import InputError
from semivox.data.dataset import groups_of
from semivox.data.layouts.recognize import default_split, find
from semivox.experiments.folds import folds
from semivox.pipeline.stages import load_dataset
from tests.data.layouts.made import touch

NAMES = ["sub-{0}_ses-{1}", "p{0}_visit{1}", "patient{0}_frame0{1}", "anna{0}-t{1}", "x{0}_day{1}", "sub-{0}_run-{1}"]


@pytest.mark.parametrize("form", NAMES)
def test_no_fold_parts_a_patient(tmp_path, form):
    names = [form.format(patient, visit) for patient in (1, 2, 3) for visit in (1, 2)]
    touch(tmp_path, *(f"{kind}/{name}.nii.gz" for name in names for kind in ("images", "labels")))
    dataset = find(tmp_path)
    assert [remark.code for remark in dataset.remarks] == ["same_patient"]
    for fold in folds(default_split(dataset), groups_of(dataset.entries)):
        held_out = {name[: len(form.format(1, 1)) - 3] for name in fold.test}
        assert not held_out & {name[: len(form.format(1, 1)) - 3] for name in fold.labeled}
        assert len(fold.test) == 2


def test_a_patient_on_both_sides_is_refused(tmp_path):
    touch(tmp_path, "images/sub-1_ses-1.nii.gz", "labels/sub-1_ses-1.nii.gz")
    touch(tmp_path, "test_images/sub-1_ses-2.nii.gz", "test_labels/sub-1_ses-2.nii.gz")
    with pytest.raises(InputError, match="'sub-1' is on both sides"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("names", [("a_1", "a_2"), ("liver_0", "liver_1"), ("sub-1", "sub-2"), ("scan", "scans")])
def test_plain_numbers_make_no_patient(tmp_path, names):
    touch(tmp_path, *(f"{kind}/{name}.nii.gz" for name in names for kind in ("images", "labels")))
    assert not groups_of(find(tmp_path).entries)


def test_a_table_has_the_last_word(tmp_path):
    (tmp_path / "c.csv").write_text(
        "case_id,image,label,group\nsub-1_ses-1,1.nii,2.nii,anna\nsub-1_ses-2,3.nii,4.nii,bert\n"
    )
    assert groups_of(find(tmp_path).entries) == {"sub-1_ses-1": "anna", "sub-1_ses-2": "bert"}
