"""A scan whose values are in another unit than the others' is named; good sets of any kind are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from tests import corpus
from tests.data.checks.made import ct, ct_set, told


def test_a_good_ct_set_has_no_finding(tmp_path):
    ct_set(tmp_path)
    assert told(tmp_path) == set()


@pytest.mark.parametrize(
    ("change", "level", "code"),
    [
        (lambda a: (a.astype(int) + 1024).clip(0).astype(np.uint16), "error", "intensity_offset"),
        (lambda a: (a.astype(int) + 1000).astype(np.int16), "error", "intensity_offset"),
        (lambda a: (a.astype(int) - 1024).astype(np.int16), "error", "intensity_offset"),
        (lambda a: (a + 400).astype(np.int16), "warning", "intensity_offset"),
        (lambda a: ((a + 1024) / 4095).astype(np.float32), "error", "intensity_unit"),
        (lambda a: (a / 1000).astype(np.float32), "error", "intensity_unit"),
        (lambda a: (a * 16.0).astype(np.float32), "error", "intensity_unit"),
        (lambda a: ((a.astype(float) + 160) / 400 * 255).clip(0, 255).astype(np.uint8), "error", "intensity_unit"),
        (lambda a: a.astype(np.uint16), "error", "wrapped"),
        (lambda a: a.clip(0), "warning", "intensity_offset"),
    ],
)
@pytest.mark.parametrize("place", ["images/b", "images/u", "test_images/t"])
def test_a_ct_in_another_unit_is_named(tmp_path, change, level, code, place):
    ct_set(tmp_path)
    corpus.save(tmp_path / f"{place}.nii.gz", change(ct(77)))
    assert told(tmp_path) == {(place[-1], level, code)}


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_other_scans_may_be_in_any_unit(tmp_path, factor):
    corpus.good(tmp_path)
    for seed, name in enumerate("bc"):
        corpus.save(tmp_path / "images" / f"{name}.nii.gz", (corpus.gray(50 + seed) * factor).astype(np.float32))
    assert told(tmp_path) == set()


def test_a_hot_voxel_is_told_and_a_bright_organ_is_not(tmp_path):
    corpus.good(tmp_path)
    hot = corpus.gray(60).astype(np.float32)
    hot[3, 3, 3] = 1e7
    corpus.save(tmp_path / "images" / "u.nii.gz", hot)
    bright = corpus.gray(61).astype(np.float32)
    bright[3:9, 3:9, 3:9] *= 100
    corpus.save(tmp_path / "images" / "b.nii.gz", bright)
    assert told(tmp_path) == {("u", "note", "hot_voxels")}


def test_a_label_among_the_images_is_told(tmp_path):
    corpus.good(tmp_path)
    corpus.save(tmp_path / "images" / "u.nii.gz", corpus.box())
    assert told(tmp_path) == {("u", "error", "label_as_image")}
