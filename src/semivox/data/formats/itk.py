"""The one place that meets SimpleITK and turns its habits into ours.

ITK's arrays are (z, y, x) and its world is LPS+ (x to the patient's left, y to the back); ours are (x, y, z) and RAS+.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk  # noqa: N813

from semivox.core.geometry import Grid
from semivox.data.formats.orientation import LPS_TO_RAS
from semivox.data.formats.scan import ScanError


def from_itk(image: sitk.Image) -> np.ndarray:
    """ITK's (t, z, y, x) or (z, y, x, components) -> (C, X, Y, Z)."""
    array = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:  # (z, y, x, components)
        return array.transpose(3, 2, 1, 0)
    if image.GetDimension() == 4:  # (t, z, y, x)
        return array.transpose(0, 3, 2, 1)
    return array.transpose(2, 1, 0)[None]


def affine_from_itk(origin: tuple[float, ...], spacing: tuple[float, ...], direction: tuple[float, ...]) -> np.ndarray:
    """(4, 4) RAS+ affine from ITK's LPS+ origin, spacing and direction; a fourth axis is left out."""
    axes = round(len(direction) ** 0.5)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(direction, (axes, axes))[:3, :3] * np.array(spacing[:3])
    affine[:3, 3] = origin[:3]
    return LPS_TO_RAS @ affine


def write(path: Path, array: np.ndarray, grid: Grid, keys: Mapping[str, str] = MappingProxyType({})) -> None:
    """(X, Y, Z) or (X, Y, Z, K) with the grid's affine, compressed; K values a voxel become a vector image.

    ``keys``: what is written into the header beside the geometry.
    Raises OSError where it cannot be written.
    """
    axes = (2, 1, 0) if array.ndim == 3 else (2, 1, 0, 3)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(axes)), isVector=array.ndim == 4)
    affine = LPS_TO_RAS @ grid.affine
    image.SetSpacing(grid.spacing)
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / np.array(grid.spacing)).ravel().tolist())
    for key, text in keys.items():
        image.SetMetaData(key, text)
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:  # ITK does not say which error of the system it met
        raise OSError(errno.EIO, "it could not be written whole; is the disk full?") from error


def unreadable(path: Path, error: RuntimeError) -> ScanError:
    """What ITK said, in one line."""
    words = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ScanError("unreadable", f"{path} cannot be read: {words[-1] if words else error}.", "Export it again.")
