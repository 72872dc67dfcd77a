"""A negative among scans is told; scans that differ otherwise are not."""

from __future__ import annotations

import numpy as np
import pytest

from tests import corpus
from tests.data.checks.made import ct, ct_set, organ_set, shown, told


@pytest.mark.parametrize("place", ["images/b", "images/u", "test_images/t"])
def test_a_negative_of_the_same_range_is_told(tmp_path, place):
    ct_set(tmp_path)
    values = ct(7)
    corpus.save(tmp_path / f"{place}.nii.gz", (values.min() + values.max() - values).astype(np.int16))
    assert (place.split("/")[1], "warning", "inverted") in told(tmp_path)


def test_scans_that_are_their_own_negative_are_not_judged(tmp_path):
    """Noise around one value has the same shape both ways."""
    organ_set(tmp_path)
    for seed in range(6):
        corpus.save(tmp_path / "images" / f"l{seed}.nii.gz", corpus.gray(seed))
    corpus.save(tmp_path / "images" / "l2.nii.gz", -corpus.gray(2))
    assert "inverted" not in {code for _, _, code in told(tmp_path)}


def test_a_scan_with_less_air_is_no_negative(tmp_path):
    ct_set(tmp_path)
    values = ct(7)
    values[:, :, :12] = shown(np.zeros((24, 24, 12), np.uint8), 1) - 60
    corpus.save(tmp_path / "images" / "u.nii.gz", values)
    assert "inverted" not in {code for _, _, code in told(tmp_path)}
