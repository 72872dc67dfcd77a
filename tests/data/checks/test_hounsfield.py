"""A name says CT: the values must too."""

from __future__ import annotations

import pytest

from semivox.data.checks.run import check
from semivox.data.layouts.recognize import find
from tests import corpus
from tests.data.checks.made import ct, ct_set, told


def named(root, name: str) -> bool:
    """Whether the finding is there for a set of gray scans (1 to 199) whose channel has this name."""
    corpus.good(root)
    corpus.describe(root, {"channel_names": {"0": name}, "labels": {"background": 0, "one": 1, "two": 2}})
    return ("", "warning", "not_hounsfield") in told(root)


@pytest.mark.parametrize(("name", "wrong"), [("CT", True), ("cbct", True), ("MR", False), ("intensity", False)])
def test_scans_without_a_value_below_0_that_are_named_ct(tmp_path, name, wrong):
    assert named(tmp_path, name) is wrong


def test_another_unit_is_not_blamed_alone_where_the_name_may_be_wrong(tmp_path):
    assert named(tmp_path, "CT")
    corpus.save(tmp_path / "images" / "u.nii.gz", corpus.gray(4) * 30)
    (finding,) = (
        finding for case in check(find(tmp_path)).cases for finding in case.findings if finding.code == "intensity_unit"
    )
    assert finding.fix.startswith("If the scans are no CT, give the channel another name")


def test_ct_is_named_rightly_also_where_one_scan_was_cut_off_at_0(tmp_path):
    ct_set(tmp_path)
    corpus.save(tmp_path / "images" / "u.nii.gz", ct(3).clip(0))
    assert "not_hounsfield" not in {code for _, _, code in told(tmp_path)}
