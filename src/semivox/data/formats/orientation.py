"""From the axes of a file to RAS+ (x to the patient's right, y to the front, z up) and exactly back.

Any of the 48 ways to order and flip three axes may occur. An oblique scan is not
resampled: it gets the closest of the 48.
"""

from __future__ import annotations

import nibabel as nib
import numpy as np

from semivox.core.geometry import Grid, Shape

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From the world of DICOM and ITK (x to the patient's left, y to the back) to ours; its own inverse."""
SHEAR_TOLERANCE = 0.01
"""Degrees; a float32 header is itself no more exact than about 1e-3 degrees."""


def axis_codes(grid: Grid) -> str:
    """The directions of the file's axes in three letters, such as ``LPS``."""
    return "".join(code or "?" for code in nib.orientations.aff2axcodes(grid.affine))


def to_canonical(array: np.ndarray, source: Grid) -> np.ndarray:
    """(..., X, Y, Z) on the file's axes -> (..., X, Y, Z) on RAS+ axes; a view."""
    target, flip = _axes(source)
    array = _flip(array, flip)
    return _transpose(array, np.argsort(target))


def to_file(array: np.ndarray, source: Grid) -> np.ndarray:
    """(..., X, Y, Z) on RAS+ axes -> (..., X, Y, Z) on the file's axes; the exact inverse of ``to_canonical``."""
    target, flip = _axes(source)
    return _flip(_transpose(array, target), flip)


def canonical_grid(source: Grid) -> Grid:
    """The grid of ``to_canonical(array, source)``.

    A sheared grid is replaced by the nearest unsheared one (polar decomposition) around the same center.
    """
    target, flip = _axes(source)
    ornt = np.stack([target, np.where(flip, -1, 1)], axis=1)
    affine = source.affine @ nib.orientations.inv_ornt_aff(ornt, source.shape)
    order = np.argsort(target)
    x, y, z = (source.shape[axis] for axis in order)
    if shear_degrees(affine) > SHEAR_TOLERANCE:
        affine = unsheared(affine, (x, y, z))
    return Grid((x, y, z), affine)


def shear_degrees(affine: np.ndarray) -> float:
    """By how many degrees the three axes miss being at right angles: the largest of the three pairs."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = [float(axes[:, i] @ axes[:, j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines), 0, 1))).max())


def unsheared(affine: np.ndarray, shape: Shape) -> np.ndarray:
    """(4, 4) with the same voxel size and center, its axes turned to the nearest right angles."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)
    result = np.eye(4)
    result[:3, :3] = (left @ right) * spacing
    center = (np.array(shape) - 1) / 2
    result[:3, 3] = affine[:3, :3] @ center + affine[:3, 3] - result[:3, :3] @ center
    return result


def corner_distance(a: Grid, b: Grid) -> float:
    """The largest distance in mm between corresponding corner voxels of two grids of equal shape."""
    return float(np.linalg.norm(a.corners() - b.corners(), axis=1).max())


def is_usable(affine: np.ndarray) -> bool:
    """Whether an affine is finite and spans a volume."""
    if not np.isfinite(affine).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return bool(lengths.min() > 0) and abs(float(np.linalg.det(affine[:3, :3] / lengths))) > 1e-3


def _axes(source: Grid) -> tuple[np.ndarray, np.ndarray]:
    """For each axis of the file: the RAS+ axis it becomes, and whether it runs the other way."""
    ornt = nib.orientations.io_orientation(source.affine)
    return ornt[:, 0].astype(int), ornt[:, 1] < 0


def _flip(array: np.ndarray, flip: np.ndarray) -> np.ndarray:
    return np.flip(array, axis=tuple(axis - 3 for axis in range(3) if flip[axis]))


def _transpose(array: np.ndarray, order: np.ndarray) -> np.ndarray:
    leading = array.ndim - 3
    return array.transpose(*range(leading), *(leading + int(axis) for axis in order))
