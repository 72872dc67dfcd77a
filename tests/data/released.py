"""The left-atrium benchmark's folder as it is released, of made-up scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

FOLDER = "2018LA_Seg_Training Set"
TRAIN = ("Q1", "B2", "Z3", "A4")
"""Neither sorted, nor sorted backwards."""
TEST = ("Y5", "C6")
SHAPE = (26, 22, 18)


def write_h5(path: Path, image: np.ndarray, label: np.ndarray) -> None:
    """A file with both; arrays (X, Y, Z)."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("image", data=image, compression="gzip")
        file.create_dataset("label", data=label, compression="gzip")


def write_lists(folder: Path, train: Sequence[str], test: Sequence[str]) -> None:
    """A name a line, as released."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.list").write_bytes("".join(f"{name}\n" for name in train).encode())
    (folder / "test.list").write_bytes("".join(f"{name}\n" for name in test).encode())


def made_up(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy ball, standardized as the released images are, and where it is: (X, Y, Z) float32 and uint8."""
    random = np.random.default_rng(number)
    center = np.array(SHAPE).reshape(3, 1, 1, 1) / 2 + random.uniform(-3, 3, (3, 1, 1, 1))
    label = (((np.indices(SHAPE) - center) ** 2).sum(0) < 36).astype(np.uint8)
    image = label * 2.0 + random.normal(size=SHAPE)
    return ((image - image.mean()) / image.std()).astype(np.float32), label


def write_released(root: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The whole folder; its scans by name."""
    scans = {name: made_up(number) for number, name in enumerate((*TRAIN, *TEST))}
    put(root, scans)
    write_lists(root, TRAIN, TEST)
    return scans


def put(root: Path, scans: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """The files of these scans."""
    for name, (image, label) in scans.items():
        write_h5(root / FOLDER / name / "mri_norm2.h5", image, label)
