"""The one place that writes with SimpleITK and turns our habits into its own.

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
