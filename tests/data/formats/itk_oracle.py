"""SimpleITK's arrays and world in our order, to compare what we read with what it reads."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813

from semivox.data.formats.orientation import LPS_TO_RAS


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
