"""The sets of invented scans: who is drawn, on which scanner, and the files that come of it."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np

from semivox.core.files import make_folder, write_atomically
from semivox.core.geometry import Shape, Spacing
from semivox.data.phantom.folder import claim, describe
from semivox.data.phantom.scanners import FIRST, SECOND, Scanner
from semivox.data.phantom.scans import scan

FIRST_TEST = 1000
"""Number of the first test patient, so that the test set stays the same whatever the size of the training set."""


def write(
    folder: Path,
    labeled: int = 4,
    unlabeled: int = 20,
    test: int = 10,
    seed: int = 0,
    shape: Shape = (96, 72, 64),
    spacing: Spacing = (2.0, 2.0, 2.0),
) -> None:
    """Write a set of hip-like CT scans into ``folder`` in nnU-Net's raw layout.

    Training patients are numbered from 0 (the first ``labeled`` ones come with a label), test patients from 1000;
    patient ``i`` depends on ``(seed, i, shape, spacing)`` only, byte by byte. A folder that this function wrote before
    is brought up to date; finished scans are kept. Raises InputError where ``folder`` holds anything else.
    """
    recipe = _recipe(seed, shape, spacing)
    claim(folder, recipe, shape, spacing)
    _write(folder, _patients(labeled, unlabeled, test), seed, shape, spacing)
    describe(folder, recipe, labeled)


def write_of_two_scanners(
    folder: Path, labeled: int, unlabeled: int, test: int, shape: Shape, spacing: Spacing, seed: int = 0
) -> None:
    """The same patients as a set grows in a hospital, for a part of them on another scanner (``phantom.scanners``).

    The labeled ones and every fourth of the others come from the first scanner; all else, the test patients too, from
    the second. Raises InputError as ``write`` does.
    """
    recipe = _recipe(seed, shape, spacing)
    recipe |= {"scanners": asdict(SECOND), "labeled": labeled}  # from which it follows who was scanned where
    claim(folder, recipe, shape, spacing)
    patients = [
        replace(one, scanner=FIRST if one.part == "Tr" and (one.with_label or one.number % 4 == 0) else SECOND)
        for one in _patients(labeled, unlabeled, test)
    ]
    _write(folder, patients, seed, shape, spacing)
    describe(folder, recipe, labeled)


def _recipe(seed: int, shape: Shape, spacing: Spacing) -> dict[str, object]:
    """What a set is known by: from it, all its bytes follow."""
    return {"version": 2, "seed": seed, "shape": list(shape), "spacing": [float(length) for length in spacing]}


@dataclass(frozen=True)
class _Asked:
    """A patient who is to be drawn."""

    number: int
    part: str
    """``Tr`` or ``Ts``, as in the names of the folders."""
    with_label: bool
    scanner: Scanner = FIRST


def _patients(labeled: int, unlabeled: int, test: int) -> list[_Asked]:
    training = [_Asked(number, "Tr", number < labeled) for number in range(labeled + unlabeled)]
    return [*training, *(_Asked(FIRST_TEST + number, "Ts", True) for number in range(test))]


def _write(folder: Path, patients: Sequence[_Asked], seed: int, shape: Shape, spacing: Spacing) -> None:
    """Draw who is missing; scans and labels that nobody asked for are removed."""
    keep = set()
    for one in patients:
        image_path = folder / f"images{one.part}" / f"hip_{one.number:04d}_0000.nii.gz"
        label_path = folder / f"labels{one.part}" / f"hip_{one.number:04d}.nii.gz"
        wanted = [image_path, label_path] if one.with_label else [image_path]
        keep.update(wanted)
        if all(path.exists() for path in wanted):
            continue
        image, label = scan(seed, one.number, shape, spacing, one.scanner)
        for path, array in zip(wanted, (image, (label > 0).astype(np.uint8)), strict=False):
            _save(path, array, spacing)
    for path in folder.glob("*T[rs]/hip_*.nii.gz"):
        if path not in keep:
            path.unlink()


def _save(path: Path, array: np.ndarray, spacing: Spacing) -> None:
    """Write one NIfTI file whole or not at all, with equal bytes for equal content."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(array.shape) - 1) / 2 * spacing
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    make_folder(path.parent)
    content = gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
