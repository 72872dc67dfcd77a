"""How far each voxel lies from the nearest voxel of another label, in mm: the depth below its own surface."""

from __future__ import annotations

import edt
import numpy as np
from scipy import ndimage

from semivox.core.case import IGNORE
from semivox.core.geometry import Spacing


def surface_depth(label: np.ndarray, spacing: Spacing, classes: int) -> np.ndarray:
    """(X, Y, Z) class indices -> (X, Y, Z) float32 distance in mm to the nearest voxel of another label.

    A surface voxel has the depth of one voxel edge; the faces of the patch are not a surface. Where the patch has
    one label only the depth is infinite; voxels marked IGNORE have an infinite depth and make no surface. What is left
    to several classes is one more label. One pass serves all classes (exact multi-label EDT).
    """
    known = label != IGNORE
    if not known.any():
        return np.full(label.shape, np.inf, np.float32)
    filled = nearest_known(label)
    # edt gives 0 to label 0 and inf where nothing else is in sight; labels are shifted so that background counts
    depth = edt.edt(np.asfortranarray(_numbered(filled)), anisotropy=spacing, black_border=False, parallel=1)
    return np.where(known, depth, np.inf).astype(np.float32)


def _numbered(label: np.ndarray) -> np.ndarray:
    """The same with numbers from 1: codes of several classes, which are below 0, become the numbers beyond IGNORE."""
    if label.min() >= 0:
        return label.astype(np.uint32) + 1
    codes = {int(code): IGNORE + place for place, code in enumerate(np.unique(label[label < 0]), 1)}
    for code, number in codes.items():
        label = np.where(label == code, number, label)
    return label.astype(np.uint32) + 1


def nearest_known(label: np.ndarray) -> np.ndarray:
    """(X, Y, Z) class indices -> the same, voxels marked IGNORE with the label of the nearest known one, in voxels.

    Of a label that is known everywhere, itself. There must be a known voxel.
    """
    unknown = label == IGNORE
    if not unknown.any():
        return label
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return label[tuple(nearest)]  # pyrefly: ignore[bad-argument-type]
