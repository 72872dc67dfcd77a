"""A label put together from structures that were drawn one by one: none may lie over another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from semivox.core.geometry import Shape
from semivox.data.formats.scan import ScanError

Place = tuple[slice | int, slice | int, slice | int]
"""A part of a slice of the grid."""


class Canvas:
    """Class numbers on the grid of a scan, one structure after the other.

    Raises ScanError ``bad_segments`` if numbers are not from 1 to 65535.
    """

    def __init__(self, path: Path, names: Mapping[int, str], shape: Shape) -> None:
        if min(names, default=1) < 1 or max(names, default=1) > 65535:
            raise ScanError(
                "bad_segments", f"{path}: its structures have the numbers {sorted(names)[:8]}; allowed are 1 to 65535.",
                "Export it again.",
            )  # fmt: skip
        self.path, self.names = path, names
        self.label = np.zeros(shape, np.uint8 if max(names, default=0) < 256 else np.uint16)

    def draw(self, number: int, place: Place, mask: np.ndarray) -> None:
        """Give the voxels of ``mask`` (of the shape of ``place``) to a structure. Raises ScanError ``overlapping``."""
        region = self.label[place]
        taken = mask & (region != 0) & (region != number)
        if taken.any():
            other = int(region[taken][0])
            raise ScanError(
                "overlapping_segments",
                f"{self.path}: {self.names[other]!r} and {self.names[number]!r} overlap (by {np.count_nonzero(taken)} "
                "voxels on one slice); a voxel has one class here.",
                "Name the classes that are meant in dataset.json, so that the others stay out; "
                "if both are meant, cut one out of the other.",
            )
        region[mask] = number
