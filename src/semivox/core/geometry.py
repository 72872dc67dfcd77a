"""Shapes in voxels, spacings in mm, and the grid a scan stands on. World coordinates are RAS+ in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Shape = tuple[int, int, int]
"""Voxels along x, y, z."""
Spacing = tuple[float, float, float]
"""Millimeters per voxel along x, y, z."""


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an array stand in the world."""

    shape: Shape
    affine: np.ndarray
    """(4, 4): voxel indices -> RAS+ mm."""
    codes: tuple[int, int] = (1, 1)
    """NIfTI (qform, sform) codes of the file; (0, 0) means that the file gave no geometry."""

    @property
    def spacing(self) -> Spacing:
        """Lengths of the voxel's edges in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    def corners(self) -> np.ndarray:
        """(8, 3): world positions in mm of the centers of the eight corner voxels."""
        last = np.array(self.shape) - 1
        index = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * last
        return index @ self.affine[:3, :3].T + self.affine[:3, 3]
