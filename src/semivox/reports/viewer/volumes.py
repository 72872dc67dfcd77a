"""Volumes as the viewer loads them: small NIfTI files in RAS+ orientation, whatever format the scan has on disk."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np

from semivox.core.geometry import Grid

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
