"""Volumes as the viewer loads them: small NIfTI files in RAS+ orientation, whatever format the scan has on disk."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import nibabel
import numpy as np

from semivox.core.geometry import Grid, Spacing

SHOWN = 300_000_000
"""Voxels above which a volume is thinned out for the viewer: browsers hold it on the graphics card."""


def image_bytes(array: np.ndarray, grid: Grid) -> bytes:
    """A gzipped NIfTI of one channel (X, Y, Z) on its canonical grid, as 16-bit numbers with a slope.

    Values differ from the scan's by less than 1/65000 of its range, which no eye sees.
    """
    values, affine = _thinned(np.nan_to_num(np.asarray(array, np.float32)), grid.affine)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    slope = (high - low) / 65000 or 1.0
    stored = np.rint((values - low) / slope - 32500).astype(np.int16)
    picture = nibabel.Nifti1Image(stored, affine)
    picture.header.set_slope_inter(slope, low + 32500 * slope)
    return _packed(picture)


def label_bytes(array: np.ndarray, grid: Grid) -> bytes:
    """A gzipped NIfTI of a label map (X, Y, Z), its values as they are."""
    stored, affine = _thinned(np.asarray(array), grid.affine)
    kind = np.uint8 if stored.size == 0 or (stored.min() >= 0 and stored.max() < 256) else np.int32
    return _packed(nibabel.Nifti1Image(stored.astype(kind), affine))


def _thinned(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every n-th voxel of a volume that is too large to be shown whole, and the affine of these."""
    step = 1
    while array.size / step**3 > SHOWN:
        step += 1
    scale = np.diag([step, step, step, 1.0])
    return np.ascontiguousarray(array[::step, ::step, ::step]), affine @ scale


def _packed(picture: nibabel.Nifti1Image) -> bytes:
    picture.set_sform(picture.affine, 1)
    picture.set_qform(picture.affine, 1, strip_shears=True)
    picture.header.set_xyzt_units("mm")
    return gzip.compress(picture.to_bytes(), compresslevel=1, mtime=0)


Box = tuple[slice, slice, slice]


def labeled_box(labels: Sequence[np.ndarray], spacing: Spacing, margin: float = 15.0) -> Box:
    """The voxels around all that is labeled in any of these maps, and ``margin`` mm more; all where nothing is."""
    anything = np.logical_or.reduce([label > 0 for label in labels])
    if not anything.any():
        return (slice(None), slice(None), slice(None))
    ends = []
    for axis, step in enumerate(spacing):
        hit = np.flatnonzero(anything.any(tuple(other for other in range(3) if other != axis)))
        more = int(np.ceil(margin / step))
        ends.append(slice(max(int(hit[0]) - more, 0), int(hit[-1]) + 1 + more))
    return (ends[0], ends[1], ends[2])


def cropped_image(array: np.ndarray, grid: Grid, box: Box) -> bytes:
    """A gzipped NIfTI of a part of one channel in 8 bits: from its 0.5th to its 99.5th percentile."""
    values = np.nan_to_num(np.asarray(array[box], np.float32))
    low, high = (float(end) for end in np.percentile(values, (0.5, 99.5))) if values.size else (0.0, 1.0)
    slope = (high - low) / 255 or 1.0
    stored = np.rint((np.clip(values, low, high) - low) / slope).astype(np.uint8)
    stored, affine = _thinned(stored, _moved(grid.affine, box))
    picture = nibabel.Nifti1Image(stored, affine)
    picture.header.set_slope_inter(slope, low)
    return _packed(picture)


def cropped_label(array: np.ndarray, grid: Grid, box: Box) -> bytes:
    """A gzipped NIfTI of the same part of a label map of class indices."""
    stored, affine = _thinned(np.asarray(array[box]).astype(np.uint8), _moved(grid.affine, box))
    return _packed(nibabel.Nifti1Image(stored, affine))


def cropped_map(array: np.ndarray, grid: Grid, box: Box) -> bytes:
    """A gzipped NIfTI of the same part of a map from 0 to 1, in 8 bits."""
    stored, affine = _thinned(np.rint(255 * np.clip(array[box], 0, 1)).astype(np.uint8), _moved(grid.affine, box))
    picture = nibabel.Nifti1Image(stored, affine)
    picture.header.set_slope_inter(1 / 255, 0.0)
    return _packed(picture)


def _moved(affine: np.ndarray, box: Box) -> np.ndarray:
    """The affine of a part: its first voxel stands where it stood in the whole."""
    start = np.array([*((edge.start or 0) for edge in box), 1.0])
    moved = affine.copy()
    moved[:3, 3] = (affine @ start)[:3]
    return moved
