"""Labels that do not follow their scans are told: another scan's, mirrored ones, shifted ones."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.data.checks.edges import edge_fit
from tests import corpus
from tests.data.checks.made import organ_set, organs, shown, told

SPACING = (1.5, 1.5, 1.5)


def codes(root) -> set[tuple[str, str]]:
    return {(case, code) for case, _, code in told(root)}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_label_is_told(tmp_path, axis):
    organ_set(tmp_path)
    corpus.save(tmp_path / "labels" / "l3.nii.gz", np.ascontiguousarray(np.flip(organs(3), axis)))
    assert ("l3", "label_mirrored") in codes(tmp_path)


def test_labels_of_two_scans_that_were_exchanged_are_told(tmp_path):
    organ_set(tmp_path, 8)
    one, other = (np.roll(organs(seed), shift, (0, 1)) for seed, shift in ((1, (3, 0)), (2, (0, -4))))
    for name, label, image in (("l1", one, other), ("l2", other, one)):
        corpus.save(tmp_path / "labels" / f"{name}.nii.gz", label)
        corpus.save(tmp_path / "images" / f"{name}.nii.gz", shown(image, int(name[1])))
    assert codes(tmp_path) == {("l1", "label_misfit"), ("l2", "label_misfit")}


def test_a_shifted_label_is_told(tmp_path):
    organ_set(tmp_path, 8)
    corpus.save(tmp_path / "labels" / "l4.nii.gz", np.roll(organs(4), (2, -2, 2), (0, 1, 2)))
    assert codes(tmp_path) == {("l4", "label_misfit")}


def test_few_labels_do_not_say_which_one_does_not_follow(tmp_path):
    organ_set(tmp_path, 6)
    corpus.save(tmp_path / "labels" / "l4.nii.gz", np.roll(organs(4), (2, -2, 2), (0, 1, 2)))
    assert codes(tmp_path) == set()


def test_the_unit_of_a_scan_does_not_matter():
    label = organs(0)
    image = shown(label, 0).astype(np.float64)
    for factor, offset in ((1e-8, 0), (1e8, 3e9), (-1, 0)):
        assert np.allclose(edge_fit(image * factor + offset, label, SPACING), edge_fit(image, label, SPACING))


def test_nothing_is_said_of_what_has_no_edges():
    label = organs(0)
    assert edge_fit(shown(label, 0), np.zeros_like(label), SPACING) == ()
    assert edge_fit(np.zeros(label.shape), label, SPACING) == ()
    assert edge_fit(shown(label, 0), np.ones_like(label), SPACING) == ()
    assert edge_fit(shown(label, 0)[:1], label[:1], SPACING) == ()


def test_scans_without_visible_edges_are_not_judged(tmp_path):
    """Where labels follow no edge in any scan, none is odd."""
    organ_set(tmp_path)
    for seed in range(6):
        corpus.save(tmp_path / "images" / f"l{seed}.nii.gz", corpus.gray(seed))
    assert codes(tmp_path) == set()
