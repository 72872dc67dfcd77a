"""Which pixels lie inside closed polygons: a pixel belongs to a polygon if its center lies inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def filled(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """(N, 2) corners in voxel indices each -> (X, Y) bool, True where an odd number of the polygons holds the center.

    So a polygon inside another is a hole, and one inside of that an island. A polygon whose two halves touch along a
    line (a keyhole) needs no rule of its own. A center exactly on an edge belongs to the polygon on its upper side,
    so polygons that share an edge share no pixel.
    """
    inside = np.zeros(shape, bool)
    for corners in polygons:
        inside ^= _inside(np.asarray(corners, float), shape)
    return inside


def _inside(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(N, 2) -> (X, Y): even-odd rule, by the places where each line of centers along x crosses the edges."""
    crossings = np.zeros((shape[0] + 1, shape[1]), np.int32)
    nexts = np.roll(corners, -1, axis=0)
    for (x, y), (to_x, to_y) in zip(corners, nexts, strict=True):
        if y == to_y:
            continue
        low, high = (y, to_y) if y < to_y else (to_y, y)
        first, last = max(int(np.ceil(low)), 0), min(int(np.ceil(high)), shape[1])  # rows with low <= row < high
        rows = np.arange(first, last)
        places = x + (rows - y) * (to_x - x) / (to_y - y)
        columns = np.clip(np.ceil(places), 0, shape[0]).astype(int)
        np.add.at(crossings, (columns, rows), 1)
    return (np.cumsum(crossings[:-1], axis=0) % 2).astype(bool)
