"""Values and channels of images."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from tests.corpus.data_set import (
    SIZE,
    describe,
    gray,
    image,
    save,
)
from tests.corpus.register import bad


def with_nan(count: int) -> np.ndarray:
    array = gray(0).astype(np.float32)
    array.flat[:count] = np.nan
    return array


@bad("nonfinite", "warning")
def some_nan(root: Path) -> None:
    save(image(root), with_nan(5))


@bad("nonfinite")
def much_nan(root: Path) -> None:
    save(image(root), with_nan(SIZE**3 // 10))


@bad("constant")
def constant_image(root: Path) -> None:
    save(image(root), np.full((SIZE,) * 3, 7, np.int16))


def two_channels(root: Path) -> None:
    """The same set as nnU-Net raw with two channels."""
    (root / "images").rename(root / "imagesTr")
    (root / "labels").rename(root / "labelsTr")
    for index, path in enumerate(sorted((root / "imagesTr").iterdir())):
        name = path.name.removesuffix(".nii.gz")
        save(root / "imagesTr" / f"{name}_0001.nii.gz", gray(50 + index))
        path.rename(root / "imagesTr" / f"{name}_0000.nii.gz")
    describe(root, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "one": 1, "two": 2}})


@bad("missing_channel")
def one_channel_missing(root: Path) -> None:
    two_channels(root)
    (root / "imagesTr" / "a_0001.nii.gz").unlink()


@bad("channel_mismatch")
def channels_on_different_grids(root: Path) -> None:
    two_channels(root)
    save(root / "imagesTr" / "a_0001.nii.gz", gray(60, (SIZE, SIZE, 20)))


@bad("missing_channel")
def more_channels_declared_than_there_are(root: Path) -> None:
    describe(root, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "one": 1, "two": 2}})


@bad("nonfinite")
def infinite_image(root: Path) -> None:
    save(image(root), np.full((SIZE,) * 3, np.inf, np.float32))


@bad("constant")
def image_of_zeros(root: Path) -> None:
    save(image(root), np.zeros((SIZE,) * 3, np.uint8))


@bad("constant")
def one_channel_of_two_is_empty(root: Path) -> None:
    describe(root, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "one": 1, "two": 2}})
    for path in sorted(root.glob("*images/*")):
        first = np.asarray(nib.load(path).dataobj)
        save(path, np.stack([first, np.zeros_like(first) if path == image(root) else first[::-1]], axis=-1))
