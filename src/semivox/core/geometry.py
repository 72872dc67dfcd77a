"""Shapes in voxels, spacings in mm, and the grid a scan stands on. World coordinates are RAS+ in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Shape = tuple[int, int, int]
"""Voxels along x, y, z."""
Spacing = tuple[float, float, float]
"""Millimeters per voxel along x, y, z."""
ANISOTROPY = 3.0
"""A patch this many times longer along one axis than along another has slices too few to be turned out of plane
(Isensee et al., nnU-Net, Nature Methods 2021)."""


def coarse_axis(patch: Shape) -> int | None:
    """The axis along which the patch has far fewer voxels than along another, or None.

    >>> coarse_axis((160, 160, 32)), coarse_axis((96, 96, 80))
    (2, None)
    """
    return int(np.argmin(patch)) if max(patch) / min(patch) > ANISOTROPY else None


@dataclass(frozen=True)
class Forms:
    """The geometry of a NIfTI header word for word: what is written again lies where the scan lies, in any program.

    Programs differ in which of the two forms they believe, and in how they read odd ones; lengths are in the file's
    own unit.
    """

    codes: tuple[int, int]
    """(qform, sform) codes; (0, 0) means that the file gave no geometry."""
    unit: int
    """NIfTI's code of the unit of length: 0 unknown, 1 meters, 2 mm, 3 micrometers."""
    pixdim: tuple[float, ...]
    """qfac, then the voxel's edges along x, y, z."""
    quaternion: tuple[float, ...]
    """b, c, d of the q-form."""
    offset: tuple[float, ...]
    """x, y, z of the q-form's origin."""
    rows: tuple[float, ...]
    """The 12 numbers of the s-form, row by row."""
    version: int = 1
    """NIfTI-1 or NIfTI-2, which keeps more digits."""


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an array stand in the world."""

    shape: Shape
    affine: np.ndarray
    """(4, 4): voxel indices -> RAS+ mm."""
    forms: Forms | None = None
    """What a NIfTI file says beyond the affine; None for other files, and for grids that were made."""
    frame_of_reference: str = ""
    """DICOM's name (UID) of the world that positions are in; empty for other files, and for grids that were made."""
    series: str = ""
    """DICOM's name (UID) of the series; empty for other files, and for grids that were made."""

    @property
    def codes(self) -> tuple[int, int]:
        """NIfTI (qform, sform) codes of the file; (0, 0) means that the file gave no geometry."""
        return (1, 1) if self.forms is None else self.forms.codes

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
