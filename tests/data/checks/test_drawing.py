"""Labels that are images, and labels that were drawn on some slices only."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.data.checks.drawing import rhythm
from tests import corpus
from tests.data.checks.made import told


def undescribed(root):
    corpus.good(root)
    (root / "dataset.json").unlink()
    return root / "labels" / "a.nii.gz"


@pytest.mark.parametrize("most", [20, 60, 255])
def test_an_8_bit_image_is_no_label(tmp_path, most):
    label = undescribed(tmp_path)
    corpus.save(label, (corpus.gray(5) * most / 200).astype(np.uint8))
    assert ("a", "error", "image_as_label") in told(tmp_path)


def test_a_copy_of_the_image_is_no_label(tmp_path):
    label = undescribed(tmp_path)
    values = corpus.box() + np.eye(24, dtype=np.uint8)[:, :, None]
    corpus.save(tmp_path / "images" / "a.nii.gz", values)
    corpus.save(label, values)
    assert ("a", "error", "image_as_label") in told(tmp_path)


def test_an_atlas_of_many_classes_is_a_label(tmp_path):
    label = undescribed(tmp_path)
    blocks = np.kron(np.arange(216, dtype=np.uint8).reshape(6, 6, 6), np.ones((4, 4, 4), np.uint8))
    corpus.save(label, blocks)
    assert not any(level == "error" for _, level, _ in told(tmp_path))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [2, 3])
@pytest.mark.parametrize("only", [1, 2, None])
def test_every_nth_slice_is_told(tmp_path, axis, step, only):
    corpus.good(tmp_path)
    label = np.zeros((24,) * 3, np.uint8)
    label[2:12, 2:22, 2:22], label[12:22, 2:22, 2:22] = 1, 2
    left_out = np.arange(24) % step != 0
    sparse = np.moveaxis(label.copy(), axis, 0)
    part = left_out[:, None, None] & ((sparse == only) if only else (sparse > 0))
    sparse[part] = 0
    corpus.save(tmp_path / "labels" / "a.nii.gz", np.moveaxis(sparse, 0, axis))
    assert told(tmp_path) == {("a", "warning", "sparse_slices")}


def test_slices_that_are_marked_as_not_drawn_are_fine(tmp_path):
    corpus.good(tmp_path)
    classes = {"background": 0, "one": 1, "two": 2, "ignore": 9}
    corpus.describe(tmp_path, {"channel_names": {"0": "MR"}, "labels": classes})
    label = corpus.box()
    label[:, :, np.arange(24) % 4 != 0] = 9
    corpus.save(tmp_path / "labels" / "a.nii.gz", label)
    assert told(tmp_path) == set()


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ([3, 7, 11, 15], 4),
        ([3, 5, 7, 9, 11], 2),
        ([3, 7, 12, 15, 19, 24], 0),  # no fixed step, but far too regular to be six organs
        ([3, 9, 11], None),
        ([3, 4, 5, 6, 9], None),
        ([5], None),
        ([], None),
    ],
)
def test_rhythm(slices, expected):
    assert rhythm(np.array(slices)) == expected
