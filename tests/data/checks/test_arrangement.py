"""Classes whose numbers were exchanged in one scan are told; classes that only vary are not."""

from __future__ import annotations

import numpy as np
import pytest

from tests import corpus
from tests.data.checks.made import organ_set, organs, shown, told


def exchanged(label: np.ndarray) -> np.ndarray:
    return np.array([0, 2, 1], np.uint8)[label]


def concentric(seed: int) -> np.ndarray:
    """An organ with something small inside of it, here or there."""
    random = np.random.default_rng([7, seed])
    label = np.zeros((24,) * 3, np.uint8)
    label[6:18, 6:18, 6:18] = 1
    x, y, z = random.integers(7, 14, 3)
    label[x : x + 3, y : y + 3, z : z + 3] = 2
    return label


def test_organs_that_vary_have_no_finding(tmp_path):
    organ_set(tmp_path)
    assert told(tmp_path) == set()


@pytest.mark.parametrize("place", ["labels/l3", "test_labels/t"])
def test_two_numbers_that_were_exchanged_are_told(tmp_path, place):
    """In the test set, too: its scores would be wrong."""
    organ_set(tmp_path)
    corpus.save(tmp_path / f"{place}.nii.gz", exchanged(organs(3 if "l3" in place else 30)))
    assert told(tmp_path) == {(place.split("/")[1], "warning", "classes_exchanged")}


def test_size_and_brightness_tell_where_places_do_not(tmp_path):
    organ_set(tmp_path)
    for seed in range(6):
        label = concentric(seed)
        corpus.save(tmp_path / "images" / f"l{seed}.nii.gz", shown(label, seed))
        corpus.save(tmp_path / "labels" / f"l{seed}.nii.gz", exchanged(label) if seed == 2 else label)
    (tmp_path / "test_labels" / "t.nii.gz").unlink()
    assert told(tmp_path) == {("l2", "warning", "classes_exchanged"), ("", "note", "left_aside")}


def test_a_scan_that_lies_the_other_way_round_is_told_as_such(tmp_path):
    """Scan and label mirrored together: the classes look as they should, and lie where they should not."""
    organ_set(tmp_path)
    label = organs(3)[:, ::-1, ::-1]
    corpus.save(tmp_path / "labels" / "l3.nii.gz", np.ascontiguousarray(label))
    corpus.save(tmp_path / "images" / "l3.nii.gz", np.ascontiguousarray(shown(label, 3)))
    from semivox.data.checks.run import check
    from semivox.data.layouts.recognize import find

    found = [finding for case in check(find(tmp_path)).cases for finding in case.findings]
    assert [finding.code for finding in found] == ["classes_exchanged"]
    assert "lie the other way round" in found[0].message


def test_two_scans_do_not_say_which_is_the_odd_one(tmp_path):
    organ_set(tmp_path, 2)
    corpus.save(tmp_path / "labels" / "l1.nii.gz", exchanged(organs(1)))
    (tmp_path / "test_labels" / "t.nii.gz").unlink()
    assert told(tmp_path) == {("", "note", "left_aside")}
