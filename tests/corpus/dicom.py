"""DICOM series that make no volume."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.data_set import (
    cut,
    slices,
)
from tests.corpus.register import bad


@bad("uneven_slices")
def dicom_slice_missing(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16) if index != 7])


@bad("several_series")
def two_dicom_series_in_a_folder(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16)])
    slices(root / "images" / "d", [1.5 * index for index in range(16)], uid="1.2.3.5")


@bad("uneven_slices")
def dicom_localizer(root: Path) -> None:
    slices(root / "images" / "d", [0.0])


@bad("truncated")
def truncated_dicom_slice(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16)])
    cut(root / "images" / "d" / "1.2.3.4_005.dcm", 0.7)


@bad("truncated")
def dicom_slice_without_its_last_byte(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(16)])
    path = root / "images" / "d" / "1.2.3.4_005.dcm"
    path.write_bytes(path.read_bytes()[:-1])


@bad("uneven_slices")
def dicom_slice_doubled(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in [0, 1, 2, 2, 3, 4, 5]])


@bad("uneven_slices")
def dicom_slices_at_one_place(root: Path) -> None:
    slices(root / "images" / "d", [0.0] * 6)


@bad("uneven_slices")
def dicom_slices_of_two_sizes(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(6)])
    slices(root / "images" / "d", [1.5 * index for index in range(6, 8)], size=16, seed=60)


@bad("unreadable")
def dicom_mark_and_nothing_else(root: Path) -> None:
    slices(root / "images" / "d", [1.5 * index for index in range(6)])
    (root / "images" / "d" / "1.2.3.4_003.dcm").write_bytes(bytes(128) + b"DICM")
