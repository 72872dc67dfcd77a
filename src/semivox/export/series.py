"""A label laid on the slices of its DICOM series, or refused where it does not lie there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.data.formats import registry
from semivox.data.formats.dicom.files import ordered_planes
from semivox.data.formats.dicom.labels import OTHER_FRAME
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.orientation import canonical_grid, corner_distance, to_canonical, to_file
from semivox.data.formats.scan import Scan, Segment


@dataclass(frozen=True)
class OnSeries:
    """A label on its series."""

    planes: tuple[Plane, ...]
    """In order of place."""
    grid: Grid
    numbers: np.ndarray
    """(X, Y, Z) along rows, columns and slices: segments numbered from 1 on."""

    def headers(self) -> list[Any]:
        """The headers of the series' files, in order of place."""
        files = dict.fromkeys(plane.source.path for plane in self.planes)
        return [pydicom.dcmread(path, stop_before_pixels=True) for path in files]


def on_series(label: Path, scan: Scan, segments: Sequence[Segment], source: Path) -> OnSeries:
    """The label on the series in ``source``; segments are numbered in their order.

    Raises InputError where there is no class or no series, or where the label lies elsewhere.
    """
    if not segments:
        raise InputError(f"{label} has no class, so there is nothing to write; name the classes with --model RUN")
    known = registry.find(source)
    if known is None or known.name != "DICOM":
        raise InputError(f"{source} holds no DICOM series; give the folder of slices that was predicted")
    planes, header = ordered_planes(source)
    array = _laid(label, scan, source, header.grid)
    numbers = np.zeros(array.shape, np.uint8 if len(segments) < 256 else np.uint16)
    for number, one in enumerate(segments, 1):
        numbers[array == one.value] = number
    return OnSeries(tuple(planes), header.grid, numbers)


def _laid(label: Path, scan: Scan, source: Path, grid: Grid) -> np.ndarray:
    """(X, Y, Z) along rows, columns and slices of the series. Raises InputError if the label lies elsewhere."""
    worlds = scan.header.grid.frame_of_reference, grid.frame_of_reference
    named = any(remark.code == OTHER_FRAME for remark in scan.header.remarks)
    if named or (all(worlds) and worlds[0] != worlds[1]):
        raise InputError(f"{label} and {source} have different frames of reference; give the label's own series")
    ours, theirs = canonical_grid(scan.header.grid), canonical_grid(grid)
    if ours.shape != theirs.shape:
        raise InputError(
            f"{label} has {ours.shape} voxels, the series {source} {theirs.shape}; give the series it was made from"
        )
    if (apart := corner_distance(ours, theirs)) > min(theirs.spacing) / 2:
        raise InputError(f"{label} lies up to {apart:.2f} mm off {source}; give the series it was made from")
    return to_file(to_canonical(scan.array[0], scan.header.grid), grid)
