"""Segmentations that are cropped to what was drawn, put back onto the grid of their scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from semivox.core.geometry import Grid
from semivox.core.plurals import plural
from semivox.data.formats.orientation import canonical_grid, to_canonical, to_file
from semivox.data.formats.scan import Scan, ScanError

OFF_LATTICE = 0.1
"""How far, in voxels, a segmentation may lie from the voxels of its scan for rounding to explain it."""


def onto_scan(path: Path, label: Scan, grid: Grid) -> Scan:
    """A label on the file grid of its scan, where its voxels are voxels of the scan; else as it is.

    3D Slicer saves the extent of the segments, which may be smaller than the scan, or larger. Raises ScanError
    ``outside_image`` if something is drawn outside of the scan.
    """
    own, target = canonical_grid(label.header.grid), canonical_grid(grid)
    step = np.linalg.inv(target.affine) @ own.affine  # voxels of the label -> voxels of the scan
    first = np.rint(step[:3, 3]).astype(int)
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(own.shape) - 1)
    off = corners @ step[:3, :3].T + step[:3, 3] - (corners + first)
    if np.abs(off).max() > OFF_LATTICE or (not first.any() and own.shape == target.shape):
        return label
    array = to_canonical(label.array, label.header.grid)
    whole = np.zeros((len(array), *target.shape), array.dtype)
    there, here = [slice(None)], [slice(None)]
    for start, size, most in zip(first, own.shape, target.shape, strict=True):
        begin, end = max(start, 0), max(min(start + size, most), max(start, 0))
        there.append(slice(begin, end))
        here.append(slice(begin - start, end - start))
    inside = array[tuple(here)]
    if outside := int(np.count_nonzero(array)) - int(np.count_nonzero(inside)):
        raise ScanError(
            "outside_image",
            f"{path}: {plural(outside, 'segment voxel lies', 'segment voxels lie')} outside of the scan.",
            "It was drawn on another scan, or on a larger one: export it with this scan as its reference geometry.",
        )  # fmt: skip
    whole[tuple(there)] = inside
    return Scan(to_file(whole, grid), replace(label.header, grid=grid))
