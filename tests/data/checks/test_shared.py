"""One label that several scans name is told; labels of their own are not."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from semivox.data.checks.run import check
from semivox.data.layouts.recognize import find
from tests import corpus

OWN = {"a": "a", "b": "b", "c": "c"}


def table(root, labels) -> None:
    corpus.good(root)
    rows = [f"{name},images/{name}.nii.gz,labels/{label}.nii.gz" for name, label in labels.items()]
    (root / "scans.csv").write_text("\n".join(["case_id,image,label", *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("labels", "cases"), [(OWN, {}), ({**OWN, "c": "a"}, {"c": "a"}), ({**OWN, "b": "c"}, {"c": "b"})]
)
def test_a_label_that_two_lines_of_a_table_name_is_told(tmp_path, labels, cases):
    table(tmp_path, labels)
    told = {
        case.case: finding.message
        for case in check(find(tmp_path / "scans.csv")).cases
        for finding in case.findings
        if finding.code == "shared_label"
    }
    assert told == {case: f"{labels[case]}.nii.gz is also the label of {other}" for case, other in cases.items()}


def test_a_link_to_another_label_is_that_label(tmp_path):
    corpus.good(tmp_path)
    label = tmp_path / "labels" / "b.nii.gz"
    label.unlink()
    label.symlink_to("a.nii.gz")
    report = check(find(tmp_path))
    assert [case.case for case in report.cases for found in case.findings if found.code == "shared_label"] == ["b"]


@pytest.mark.parametrize(("shifts", "cases"), [((0, 1, 0), ["c"]), ((0, 1, 2), []), ((0, 0, 0), [])])
def test_a_copy_of_another_label_is_told_unless_all_are_alike(tmp_path, shifts, cases):
    corpus.good(tmp_path)
    for name, shift in zip("abc", shifts, strict=True):
        corpus.save(tmp_path / "labels" / f"{name}.nii.gz", np.roll(corpus.box(), shift, axis=0))
    if any(shifts):
        corpus.save(tmp_path / "test_labels" / "t.nii.gz", np.roll(corpus.box(), -1, axis=0))
    found = {
        case.case: finding.message
        for case in check(find(tmp_path)).cases
        for finding in case.findings
        if finding.code == "shared_label"
    }
    assert list(found) == cases
    assert all("same values as the label of a" in message for message in found.values())


def test_copies_of_a_scan_have_copies_of_its_label(tmp_path):
    """They are told as copies, once."""
    corpus.good(tmp_path)
    for shift, name in enumerate("abc"):
        corpus.save(tmp_path / "labels" / f"{name}.nii.gz", np.roll(corpus.box(), shift, axis=0))
    for part in ("images", "labels"):
        shutil.copy(tmp_path / part / "a.nii.gz", tmp_path / part / "d.nii.gz")
    codes = [finding.code for case in check(find(tmp_path)).cases for finding in case.findings]
    assert codes == ["duplicate"]
