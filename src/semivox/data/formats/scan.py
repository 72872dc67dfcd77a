"""One scan exactly as its file holds it, the remarks made on the way, and the error for a file that is no good scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data.remarks import Remark

READING = 2
"""Raised when the same file is read as other voxels, or as lying elsewhere, so that what was made of it is made again.

2: micrometers and meters, odd q-forms, DICOM slice by slice, names of classes (all since 0.1.0 was begun).
"""
MAX_VOXELS = 4_000_000_000
"""A header that claims more (16 GB as float32) is taken for damage, before any memory is asked for."""

LONGEST_MM = 1e5
"""A scan that spans more than 100 m has a wrong unit or voxel size."""
FINEST_MM = 1e-6
"""So has one with voxels of less than a nanometer."""


class ScanError(InputError):
    """A file cannot be used as a scan: what is wrong (``finding`` is its short code), and how to fix it (``fix``)."""

    def __init__(self, finding: str, message: str, fix: str) -> None:
        super().__init__(f"{message} {fix}")
        self.finding, self.message, self.fix = finding, message, fix

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep all three parts when the error travels from a worker process."""
        return type(self), (self.finding, self.message, self.fix)


@dataclass(frozen=True)
class Segment:
    """A class as a label's own file names it."""

    name: str
    value: int
    """Its number in the label as it is read."""
    color: tuple[float, float, float] | None = None
    """Red, green and blue from 0 to 1."""
    layer: int = 0
    """The layer of the file that holds it, where segments may overlap."""
    stored: int = 0
    """Its number in that layer."""


@dataclass(frozen=True)
class Header:
    """What a file says before its voxels: grid, channels, and what was odd."""

    grid: Grid
    channels: int
    remarks: tuple[Remark, ...] = ()
    segments: tuple[Segment, ...] = ()
    """What the file says about its classes; a file with segments may be cropped to them."""


@dataclass(frozen=True)
class Scan:
    """The voxels in the file's own orientation."""

    array: np.ndarray
    """(C, X, Y, Z) in file orientation; may be read-only."""
    header: Header


def require_sane(name: str, dims: tuple[int, ...]) -> None:
    """Refuse sizes that no scan has. Raises ScanError ``bad_header`` before anything is allocated."""
    if any(size <= 0 for size in dims):
        raise ScanError(
            "bad_header", f"{name}: the header gives the size {dims}, with an axis of no voxels.", "Export it again."
        )
    if int(np.prod(dims, dtype=object)) > MAX_VOXELS:
        raise ScanError(
            "bad_header",
            f"{name}: the header claims {dims} voxels, more than {MAX_VOXELS:.0e}; it is damaged or made up.",
            "Export the scan again, or cut it into smaller scans.",
        )


def require_sane_grid(name: str, grid: Grid) -> None:
    """Refuse voxel sizes that no scan has, whatever its unit. Raises ScanError ``bad_affine``."""
    spans = [edge * size for edge, size in zip(grid.spacing, grid.shape, strict=True)]
    if min(grid.spacing) < FINEST_MM or max(spans) > LONGEST_MM:
        edges = " x ".join(f"{edge:.3g}" for edge in grid.spacing)
        raise ScanError(
            "bad_affine",
            f"{name}: the header gives voxels of {edges} mm, and a scan of up to {max(spans):.3g} mm.",
            "Correct the voxel size, or its unit, in the header.",
        )
