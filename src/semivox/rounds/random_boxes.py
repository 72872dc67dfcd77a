"""Foreground-aware random boxes, the baseline that few strategies beat, and a part of every suggestion.

Lueth et al., "nnActive", TMLR 08/2025: scans in turn; a uniformly drawn box with probability 4/6, one on a random voxel
of a class 1/6, one on the border of a class 1/6. There the classes come from hidden labels; here from a prediction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion

from semivox.core.geometry import Shape
from semivox.rounds.acquisition import Box

UNIFORM = 4 / 6
"""Chance of a box anywhere; the rest are on voxels of a class and on borders of one, equally often."""
TRIES = 50
"""To find a box that overlaps none that is taken."""


def random_box(
    classes: np.ndarray, size: Shape, stream: np.random.Generator, taken: Sequence[Box] = (), aware: bool = True
) -> Box | None:
    """A random box in a scan; None where no free one was found.

    ``classes``: (X, Y, Z) predicted class indices. ``aware``: by the chances above; else anywhere.
    """
    x, y, z = (min(edge, length) for edge, length in zip(size, classes.shape, strict=True))
    for _ in range(TRIES):
        center = _center(classes, stream) if aware and stream.random() >= UNIFORM else None
        begin = []
        for axis, (edge, length) in enumerate(zip((x, y, z), classes.shape, strict=True)):
            last = length - edge
            at = int(stream.integers(last + 1)) if center is None else int(center[axis]) - edge // 2
            begin.append(min(max(at, 0), last))
        box = Box((begin[0], begin[1], begin[2]), (x, y, z))
        if not any(box.overlaps(other) for other in taken):
            return box
    return None


def _center(classes: np.ndarray, stream: np.random.Generator) -> np.ndarray | None:
    """A voxel of a random class, or of its border; None where there is no class but background."""
    values = [value for value in np.unique(classes) if value]
    if not values:
        return None
    mask = classes == values[int(stream.integers(len(values)))]
    if stream.random() < 0.5:
        mask &= ~binary_erosion(mask)
    voxels = np.flatnonzero(mask)
    return np.array(np.unravel_index(voxels[int(stream.integers(len(voxels)))], classes.shape))
