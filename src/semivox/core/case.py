"""A scan: as read from disk (``Volume``) and as prepared for training (``Case``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semivox.core.geometry import Grid, Shape, Spacing

IGNORE = 255
"""The class index of voxels that are neither trained on nor scored: padding, and the label value marked "ignore"."""
REST = 254
"""The same in a stored label of a scan where only some classes were looked for: none of these."""


@dataclass(frozen=True)
class Volume:
    """One scan in the closest canonical (RAS+) orientation, and the grid it had on disk."""

    array: np.ndarray
    """(C, X, Y, Z), in RAS+ orientation."""
    grid: Grid
    """The canonical grid of ``array``."""
    source: Grid
    """The grid of the file, on which outputs are written."""

    @property
    def spacing(self) -> Spacing:
        """mm per voxel along x, y, z of ``array``."""
        return self.grid.spacing

    @property
    def shape(self) -> Shape:
        """Voxels along x, y, z of ``array``."""
        return self.grid.shape


@dataclass(frozen=True)
class Case:
    """One scan on the plan's grid, normalized."""

    name: str
    image: np.ndarray
    """(C, X, Y, Z), float16 or float32, normalized; memory-mapped."""
    label: np.ndarray | None
    """(X, Y, Z) uint8 class indices, ``IGNORE`` where unknown, ``REST`` where none of the classes that were looked for
    is; None: no expert has drawn it, or it is hidden."""
    spacing: Spacing
    foreground: np.ndarray | None = None
    """(N, 4) int32 rows of class, x, y, z: a sample of the voxels of each foreground class; None without a label."""

    rest: int | None = None
    """The code of what a voxel marked REST may be (``functional.partial_labels``); None: every class was looked for."""

    @property
    def shape(self) -> Shape:
        """Voxels along x, y, z."""
        x, y, z = self.image.shape[1:]
        return x, y, z
