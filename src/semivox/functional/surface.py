"""Distances in mm between the surfaces of two masks, from which all surface scores of a case follow.

The surface of a mask is its voxels that have a face neighbor outside the mask; what lies outside the array counts as
outside the mask, so object voxels on the array's edge are always surface. Distances run between voxel centers. This
is the definition of medpy (https://github.com/loli/medpy), on which the published left-atrium tables rest.

Both masks are cropped to their joint bounding box. That is exact: beyond the box both masks are background, which is
what the edge rule assumes beyond an array anyway. Each surface then needs one exact Euclidean distance transform
(``edt``), which serves every score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import edt
import numpy as np
from scipy import ndimage

from semivox.core.geometry import Spacing

Box = tuple[slice, slice, slice]
"""The voxels that a bounding box spans along x, y, z."""

ROUNDING_MM = 1e-6
"""Added to a tolerance, so that a distance equal to it is within it: the transform works in float32."""

LARGEST_INDEXED = 65535
"""Up to this label value the boxes of all classes are found in one pass over the label map."""


@dataclass(frozen=True)
class SurfaceDistances:
    """For each surface voxel of either mask, the distance in mm to the nearest surface voxel of the other."""

    from_prediction: np.ndarray
    """(P,) float64: one for each surface voxel of the prediction, to the reference."""
    from_reference: np.ndarray
    """(R,) float64: one for each surface voxel of the reference, to the prediction."""

    def pooled(self) -> np.ndarray:
        """(P + R,): the distances of both directions in one list."""
        return np.concatenate([self.from_prediction, self.from_reference])

    def hd95(self) -> float:
        """95th percentile of the pooled distances, linearly interpolated: the "95HD" of the left-atrium tables."""
        return float(np.percentile(self.pooled(), 95))

    def hd95_max(self) -> float:
        """The larger of the two directed 95th percentiles: MONAI's "HD95"."""
        return float(max(np.percentile(self.from_prediction, 95), np.percentile(self.from_reference, 95)))

    def assd(self) -> float:
        """Average symmetric surface distance: the mean of the pooled distances."""
        return float(self.pooled().mean())

    def asd(self) -> float:
        """Average distance from the prediction to the reference only; blind to parts that the prediction misses."""
        return float(self.from_prediction.mean())

    def within(self, tolerance: float) -> float:
        """Normalized surface Dice: the fraction of all surface voxels, of both masks, no farther than ``tolerance`` mm.

        Counted over surface voxels, not weighted by the area of surface elements.
        """
        return float(np.count_nonzero(self.pooled() <= tolerance + ROUNDING_MM) / self.pooled().size)


def surface(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask that touch its outside through a face: (X, Y, Z) bool -> (X, Y, Z) bool."""
    inside = mask.copy()
    for axis in range(mask.ndim):
        eroded, original = np.moveaxis(inside, axis, 0), np.moveaxis(mask, axis, 0)
        eroded[1:] &= original[:-1]
        eroded[:-1] &= original[1:]
        eroded[0] = eroded[-1] = False
    return mask & ~inside


def bounding_box(mask: np.ndarray) -> Box | None:
    """The smallest box that holds a mask, (X, Y, Z) bool; None where the mask is empty."""
    spans = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        if occupied.size == 0:
            return None
        spans.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return spans[0], spans[1], spans[2]


def class_boxes(labels: np.ndarray, values: Iterable[int]) -> dict[int, Box | None]:
    """The bounding box of every class of a label map, (X, Y, Z) integers; None where a class is absent."""
    values = list(values)
    if not values:
        return {}
    if min(values) < 1 or max(values) > LARGEST_INDEXED:
        return {value: bounding_box(labels == value) for value in values}
    found = ndimage.find_objects(labels, max_label=max(values))
    return {value: found[value - 1] for value in values}


def joint_box(first: Box | None, second: Box | None) -> Box | None:
    """The smallest box that holds two boxes; None where both are None."""
    if first is None or second is None:
        return first or second
    spans = [slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True)]
    return spans[0], spans[1], spans[2]


def squared_distance_to(target: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Squared distance from every voxel's center to the nearest voxel of ``target``, in the spacing's unit squared.

    (X, Y, Z) bool, not empty -> (X, Y, Z) float32. In units of the spacing along x the squared distances of an
    isotropic grid are whole numbers, free of rounding: ``surface_distances`` therefore asks in those units.
    """
    return edt.edtsq(~np.ascontiguousarray(target), anisotropy=spacing, black_border=False, parallel=1)


def surface_distances(prediction: np.ndarray, reference: np.ndarray, spacing: Spacing) -> SurfaceDistances | None:
    """The distances between the surfaces of two masks; None where one is empty, as there is no distance then.

    ``prediction`` and ``reference``: (X, Y, Z) bool; ``spacing``: mm along x, y, z. Exact but for the float32 rounding
    of squared distances on anisotropic grids, a few parts in 10^7.
    """
    if prediction.shape != reference.shape or prediction.ndim != 3:
        raise ValueError(f"expected two (X, Y, Z) masks of one shape, got {prediction.shape} and {reference.shape}")
    boxes = bounding_box(prediction), bounding_box(reference)
    box = joint_box(*boxes)
    if box is None or None in boxes:
        return None
    unit = spacing[0]
    steps = (1.0, spacing[1] / unit, spacing[2] / unit)
    predicted, referred = surface(prediction[box]), surface(reference[box])
    from_prediction = squared_distance_to(referred, steps)[predicted]
    from_reference = squared_distance_to(predicted, steps)[referred]
    return SurfaceDistances(
        from_prediction=np.sqrt(from_prediction.astype(np.float64)) * unit,
        from_reference=np.sqrt(from_reference.astype(np.float64)) * unit,
    )
