"""What a file format provides: one class in one file, and one entry in the registry.

A format of another package is registered by an entry point of the group ``semivox.formats``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.scan import Header, Scan, Segment

TELLING = re.compile(
    r"patient|birth|name|institution|physician|operator|address|station|serial|accession|study.?id|date|time|uid|dicom",
    re.IGNORECASE,
)
"""Names of header fields that are about people, places or days."""


class Format(ABC):
    """How scans of one format are recognized, read and written. Stateless; one object serves all files."""

    name: ClassVar[str]
    """The format's name as its users know it, such as ``NIfTI``."""
    endings: ClassVar[tuple[str, ...]] = ()
    """Lower-case endings of file names; a file with one of them is of this format without being opened."""
    writes: ClassVar[tuple[str, ...]] = ()
    """The endings that can be written."""
    results: ClassVar[str] = ".nii.gz"
    """The ending of labels and maps that are made from scans of this format."""

    def recognizes(self, path: Path) -> bool:
        """Whether a folder, or a file that no ending tells, is a scan of this format. Must be quick."""
        return False

    def stem(self, path: Path, suffix: str) -> str:
        """The name of the case that a file of this format is named after; ``suffix``: the ending it is known by."""
        return path.name[: -len(suffix)]

    def objection(self, path: Path) -> str | None:
        """Why a file of this format is passed over in a folder, in a few words; None for a scan or label."""
        return None

    def is_label(self, path: Path) -> bool:
        """Whether a file can only be a label, never an image, as its format says."""
        return False

    @abstractmethod
    def read_header(self, path: Path) -> Header:
        """Grid, channels and remarks without the voxels. Raises ScanError."""

    def read_segments(self, path: Path) -> tuple[Segment, ...]:
        """Which value of a label is which class, as far as the file says it; no voxels are read. Raises ScanError."""
        return self.read_header(path).segments

    @abstractmethod
    def read_scan(self, path: Path) -> Scan:
        """Voxels (C, X, Y, Z) on the file's own axes, counted to the last byte, and the header. Raises ScanError."""

    def read_label(self, path: Path, grid: Grid | None) -> Scan:
        """A label; ``grid`` is that of the scan it belongs to, where known. Contours need it, voxels do not."""
        return self.read_scan(path)

    def read_named(self, path: Path, grid: Grid | None, names: Collection[str]) -> Scan:
        """A label of which only the structures of these names are wanted; a format may leave the others out.

        So structures that nobody asked for, such as the outline of the body, may lie over those that are wanted.
        """
        return self.read_label(path, grid)

    def write(self, path: Path, array: np.ndarray, grid: Grid) -> None:
        """Write (X, Y, Z), or (X, Y, Z, K) for K values a voxel, as it lies on ``grid``. Raises OSError."""
        raise NotImplementedError(f"{self.name} files are not written")

    def files(self, path: Path) -> tuple[Path, ...]:
        """All files that one scan consists of; their bytes decide whether it is the same scan."""
        return (path,)

    def private_fields(self, path: Path) -> Iterable[str]:
        """Names of header fields that may tell who the patient is, never their content."""
        return ()
