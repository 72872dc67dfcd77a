"""Cleans a label: keeps the largest connected piece of each class."""

from __future__ import annotations

import cc3d
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor


def largest_components(label: np.ndarray) -> np.ndarray:
    """Every class but its largest piece becomes background.

    (X, Y, Z) class indices -> the same shape and type, a new array. Voxels belong together when they touch at a face,
    edge or corner (26-connectivity); of equally large pieces the one that comes first in memory order (x slowest)
    stays, as the left-atrium protocol does.
    """
    result = label.copy()
    for value, box in enumerate(ndimage.find_objects(label), start=1):
        if box is not None:
            drop = (label[box] == value) & ~_largest(label[box] == value)
            result[box][drop] = 0
    return result


def largest_components_of_each(labels: Tensor) -> Tensor:
    """The same for each patch of a batch by itself: (B, X, Y, Z) class indices -> the same; computed on the CPU."""
    found = [largest_components(label) for label in labels.cpu().numpy()]
    return torch.from_numpy(np.stack(found)).to(labels.device)


def _largest(mask: np.ndarray) -> np.ndarray:
    """The largest piece of a mask that is not empty: (X, Y, Z) bool -> bool."""
    pieces = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=26)
    voxels = cc3d.statistics(pieces)["voxel_counts"].astype(np.int64)
    voxels[0] = 0  # the background
    candidates = np.flatnonzero(voxels == voxels.max())
    if len(candidates) == 1:
        return pieces == candidates[0]
    flat = pieces.ravel()
    return pieces == flat[np.isin(flat, candidates).argmax()]
