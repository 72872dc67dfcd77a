"""Sizes that no scanner makes, scans that show much more or less than the others, and labels beside their scans."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.data.checks.run import check
from semivox.data.layouts.recognize import find
from tests import corpus
from tests.data.checks.made import told


def pair(root, edge: float, offset=(0.0, 0.0, 0.0), shape=(24, 24, 24)) -> None:
    """Image and label ``a`` with voxels of ``edge`` mm; the label begins so many voxels beside the image."""
    affine = np.diag([edge, edge, edge, 1.0])
    moved = affine.copy()
    moved[:3, 3] += np.multiply(offset, edge)
    cut = tuple(slice(size) for size in shape)
    corpus.save(root / "images" / "a.nii.gz", corpus.gray(0)[cut], affine)
    corpus.save(root / "labels" / "a.nii.gz", corpus.box()[cut], moved)


def found(root, code: str) -> list[tuple[str, str]]:
    """Level and message of the findings of a kind."""
    return [(f.level, f.message) for case in check(find(root)).cases for f in case.findings if f.code == code]


@pytest.mark.parametrize(
    ("edge", "codes"),
    [
        (0.001, {"spacing", "field_of_view", "spacing_outlier"}),
        (1000.0, {"spacing", "field_of_view", "spacing_outlier"}),
        (50.0, {"spacing_outlier"}),
        (10.0, set()),
        (0.3, set()),
    ],
)
def test_sizes_that_no_scanner_makes_are_errors(tmp_path, edge, codes):
    corpus.good(tmp_path)
    pair(tmp_path, edge)
    assert {code for case, level, code in told(tmp_path) if level == "error"} == codes


def test_such_sizes_are_errors_where_all_scans_have_them(tmp_path):
    corpus.good(tmp_path)
    for number, path in enumerate(sorted(tmp_path.glob("*/*.nii.gz"))):
        label = "labels" in path.parent.name
        affine = np.diag([1500.0, 1500, 1500, 1])
        corpus.save(path, corpus.box() if label else corpus.gray(number), affine)
    assert {(level, code) for _, level, code in told(tmp_path)} == {("error", "spacing"), ("error", "field_of_view")}


@pytest.mark.parametrize(("size", "odd"), [(5, True), (8, False)])
def test_a_scan_that_shows_much_less_is_told(tmp_path, size, odd):
    corpus.good(tmp_path)
    corpus.save(tmp_path / "images" / "u.nii.gz", corpus.gray(10)[:, :, :size])
    assert (("u", "warning", "field_outlier") in told(tmp_path)) == odd


@pytest.mark.parametrize(
    ("offset", "level", "words"),
    [
        ((0.02, 0, 0), "warning", "No action if rounding explains it"),
        ((0.3, 0, 0), "warning", "copy the image's geometry"),
        ((0.5, 0, 0), "error", "half a voxel left-right, as where one program counts from the corners"),
        ((0.5, -0.5, 0.5), "error", "half a voxel left-right and front-back and up-down"),
        ((0.7, 0, 0), "error", "copy the image's geometry"),
        ((2, 0.5, 0), "error", "copy the image's geometry"),
    ],
)
def test_a_label_beside_its_scan_is_told_by_how_much(tmp_path, offset, level, words):
    corpus.good(tmp_path)
    pair(tmp_path, 1.5, offset)
    (finding,) = [f for case in check(find(tmp_path)).cases for f in case.findings if f.code == "geometry_mismatch"]
    assert finding.level == level
    assert words in f"{finding.message} {finding.fix}"
    assert ("half a voxel" in finding.message) == ("half a voxel" in words)
    assert ("rounding" in finding.fix) == ("rounding" in words)
