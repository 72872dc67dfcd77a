"""Classes that were declared and never drawn, have no name, or lie on the wrong side."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.data.checks.run import check
from semivox.data.layouts.recognize import find
from tests import corpus
from tests.data.checks.made import told

CORNERS = {0: ((2, 9, 9), (15, 9, 9)), 1: ((9, 2, 9), (9, 15, 9)), 2: ((9, 9, 2), (9, 9, 15))}
"""Axis -> first voxel of the lower and the higher of two boxes."""


def sided(root, names, axes, swapped=()):
    """Labels a, b, c with two boxes apart along an axis each; values 1 (lower) and 2 (higher)."""
    corpus.good(root)
    corpus.describe(root, {"labels": {"background": 0, **{name: value for value, name in enumerate(names, 1)}}})
    for name, axis in zip("abc", axes, strict=True):
        label = np.zeros((24,) * 3, np.uint8)
        for value, corner in enumerate(CORNERS[axis], 1):
            label[tuple(slice(edge, edge + 6) for edge in corner)] = 3 - value if name in swapped else value
        corpus.save(root / "labels" / f"{name}.nii.gz", label)


@pytest.mark.parametrize(
    ("names", "axis"),
    [
        (("left kidney", "right kidney"), 0),
        (("Parotid_L", "Parotid_R"), 0),
        (("LeftFemur", "RightFemur"), 0),
        (("niere links", "niere rechts"), 0),
        (("posterior hippocampus", "anterior hippocampus"), 1),
        (("inferior lobe", "superior lobe"), 2),
    ],
)
def test_sides_that_lie_where_they_should(tmp_path, names, axis):
    sided(tmp_path, names, (axis,) * 3)
    assert told(tmp_path) == set()
    assert not check(find(tmp_path)).summary.mirrored[axis]


@pytest.mark.parametrize("axis", [1, 2])
def test_sides_along_another_axis_in_all_scans(tmp_path, axis):
    sided(tmp_path, ("left kidney", "right kidney"), (axis,) * 3)
    assert told(tmp_path) == {("", "warning", "sides_misplaced")}
    summary = check(find(tmp_path)).summary
    assert not any(summary.mirrored)
    # whatever the headers say, a mirror image there would be wrong
    assert f"off along {'xyz'[axis]}: left kidney and right kidney lie apart there" in summary.mirror_reason.replace(
        "right kidney and left kidney", "left kidney and right kidney"
    )


def test_one_scan_that_lies_otherwise_or_the_other_way_round(tmp_path):
    sided(tmp_path, ("left kidney", "right kidney"), (0, 1, 0), swapped="c")
    assert told(tmp_path) == {("b", "warning", "sides_misplaced"), ("c", "warning", "sides_misplaced")}


def test_a_class_that_nobody_drew_is_told(tmp_path):
    corpus.good(tmp_path)
    corpus.describe(tmp_path, {"labels": {"background": 0, "one": 1, "two": 2, "tumor": 7}})
    report = check(find(tmp_path))
    assert ["tumor (7)" in finding.message for finding in report.findings] == [True]
    assert report.findings[0].code == "class_never_drawn"


def test_a_class_of_test_scans_only_is_told(tmp_path):
    corpus.good(tmp_path)
    (tmp_path / "dataset.json").unlink()
    corpus.save(tmp_path / "test_labels" / "t.nii.gz", corpus.box() * 2)
    assert ("", "warning", "class_untrained") in told(tmp_path)


@pytest.mark.parametrize("labels", [None, {"background": 0, "class_1": 1, "label 2": 2}])
def test_classes_without_names_are_not_mirrored_left_right(tmp_path, labels):
    sided(tmp_path, ("x", "y"), (1, 1, 1))
    corpus.describe(tmp_path, {"labels": labels} if labels else {})
    report = check(find(tmp_path))
    assert report.summary.mirrored == (False, False, True)  # alike in size and apart front-back: could be two sides
    assert told(tmp_path) == {("", "note", "unnamed_classes")}
    assert "no mirroring left-right, front-back" in report.text()
    assert '{"labels": {"background": 0, "name of 1": 1' in report.text()
    assert "until then nothing is mirrored left-right, front-back." in report.text()
