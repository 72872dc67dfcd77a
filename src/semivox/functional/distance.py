"""Signed distance maps of a label patch, scaled to -1 at the deepest voxel of an object and 1 at the farthest from it.

The convention of Xue et al., AAAI 2020, arXiv:1912.03849, as SASSNet (Li et al., MICCAI 2020) and DTC (Luo et al., AAAI
2021) use it: negative inside, exactly 0 on the object's own surface voxels, positive outside; the two sides are scaled
apart, each by its largest distance **within the patch**. The map therefore commutes with flips and quarter turns, not
with cropping: it is derived from the patch, after augmentation.
"""

from __future__ import annotations

import edt
import numpy as np
from scipy import ndimage
from torch import Tensor

from semivox.core.case import IGNORE
from semivox.core.geometry import Spacing
from semivox.functional.depth import nearest_known

FACES = ndimage.generate_binary_structure(3, 1)
"""A voxel and its six face neighbors."""


def signed_distance(label: np.ndarray, spacing: Spacing, classes: int) -> np.ndarray:
    """(X, Y, Z) class indices -> (K - 1, X, Y, Z) float32 in -1 to 1, one map per foreground class.

    Distances are taken in mm before they are scaled. The faces of the patch are no surface. A class that the patch
    does not show gets 1 everywhere, one that fills it -1. Voxels marked IGNORE take the label of the nearest known
    one; a loss must leave them out, as it must the map of a class that was not looked for, which means nothing.
    """
    if (label == IGNORE).all():
        return np.ones((classes - 1, *label.shape), np.float32)
    label = nearest_known(label)
    return np.stack([signed_distance_of_mask(label == index, spacing) for index in range(1, classes)])


def signed_distance_of_mask(mask: np.ndarray, spacing: Spacing) -> np.ndarray:
    """(X, Y, Z) bool -> (X, Y, Z) float32: ``outside / max - inside / max``, and 0 on the mask's surface voxels."""
    if mask.all() or not mask.any():
        return np.full(mask.shape, -1.0 if mask.any() else 1.0, np.float32)
    signed = _scaled(~mask, spacing) - _scaled(mask, spacing)
    # beyond the patch counts as object, so that only a neighbor within the patch makes a surface
    signed[mask & ~ndimage.binary_erosion(mask, FACES, border_value=1)] = 0
    return signed


def soft_mask(distance: Tensor, steepness: float) -> Tensor:
    """Signed distance maps -> probabilities of being inside, float32, any shape: ``sigmoid(-steepness * distance)``.

    0.5 on the surface; with DTC's steepness of 1500 a voxel at 0.003 has 0.011, and beyond 0.005 nothing changes any
    more: gradients pass at the surface alone.
    """
    return (-steepness * distance.float()).sigmoid()


def _scaled(mask: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Distance of each voxel of the mask to the nearest voxel outside it, divided by the largest; 0 outside."""
    squared = edt.edtsq(np.asfortranarray(mask), anisotropy=spacing, black_border=False, parallel=1)
    depth = np.sqrt(squared.astype(np.float64))
    return (depth / depth.max()).astype(np.float32)
