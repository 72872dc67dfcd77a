"""Scans that are likely of one patient, though nothing says so."""

from __future__ import annotations

import numpy as np
import pytest

from tests import corpus
from tests.data.checks.made import ct, ct_set, told
from tests.data.formats.dicom import made_up


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a * 0.5 + 7,
        lambda a: (a + 1024.0) / 4095,
        lambda a: a + np.random.default_rng(0).normal(0, 0.5, a.shape),
    ],
)
def test_a_copy_in_another_unit_is_told(tmp_path, change):
    corpus.good(tmp_path)
    corpus.save(tmp_path / "images" / "u.nii.gz", change(corpus.gray(1).astype(float)).astype(np.float32))
    assert told(tmp_path) == {("b", "warning", "likely_same_patient")}


def test_scans_of_one_anatomy_are_not(tmp_path):
    ct_set(tmp_path)
    assert told(tmp_path) == set()
    assert np.corrcoef(ct(0).ravel(), ct(1).ravel())[0, 1] > 0.99  # alike but for the noise


def test_one_place_in_the_scanner_is_told_unless_all_share_it(tmp_path):
    corpus.good(tmp_path)
    moved = corpus.AFFINE.copy()
    moved[:3, 3] = (-123.456, 98.765, -543.21)
    for kind, content in (("images", corpus.gray), ("labels", lambda _: corpus.box())):
        for seed, name in enumerate("ab"):
            corpus.save(tmp_path / kind / f"{name}.nii.gz", content(seed), moved)
    assert told(tmp_path) == {("a", "warning", "likely_same_patient")}
    for seed, place in ((2, "images/c"), (10, "images/u"), (11, "test_images/t")):
        corpus.save(tmp_path / f"{place}.nii.gz", corpus.gray(seed), moved)
        if seed != 10:
            corpus.save(tmp_path / f"{place.replace('images', 'labels')}.nii.gz", corpus.box(), moved)
    assert told(tmp_path) == set()


def test_dicom_scans_of_one_frame_of_reference_are_told(tmp_path):
    for number, (name, world) in enumerate({"a": "1.2.3", "b": "1.2.4", "u": "1.2.3"}.items()):
        array = made_up.noise((24, 20, 18), number)
        uids = {"SeriesInstanceUID": f"1.2.55.{number}", "FrameOfReferenceUID": world}
        aside = {
            k: {"ImagePositionPatient": [7.31 * number, 0, (3 + number) * k]} for k in range(24)
        }  # no common origin
        made_up.series(tmp_path / "images" / name, array, each=aside, **uids)
    (tmp_path / "labels").mkdir()
    assert ("a", "warning", "likely_same_patient") in told(tmp_path)
    assert {case for case, _, code in told(tmp_path) if code == "likely_same_patient"} == {"a"}
