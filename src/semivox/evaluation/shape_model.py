"""How unusual a shape is: the surface deviation score, the distance of a label from what common shapes can say of it.

A statistical shape model is the mean and the main variations (principal components) of training shapes, each as a
signed distance map in a frame that moves and scales with the shape. A label is projected onto it; the score is the
HD95 in mm between the label and that reconstruction. Large values mean anatomy that the training labels do not show.
It sorts cases into tables and is never used in training. After Xie et al., MIDL 2024 (arXiv:2407.04638), appendix C,
which leaves the kind of model open; signed distance maps as in Tsai et al., IEEE TMI 22, 2003.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import edt
import numpy as np
from scipy import ndimage

from semivox.core.errors import InputError
from semivox.core.geometry import Spacing
from semivox.functional.surface import surface_distances

SIDE = 40
"""Samples of the frame along each axis: finer ones describe noise of the voxels rather than shapes."""
KEPT = 0.95
"""Part of the training shapes' variance that the components hold."""
LIMIT = 3.0
"""Components are held within so many standard deviations: beyond, a reconstruction is no shape."""
MARGIN = 1.2
"""The frame reaches so much farther than the farthest voxel of any training shape."""


@dataclass(frozen=True)
class Pose:
    """Where a shape lies and how large it is."""

    center: np.ndarray
    """(3,) mm from the first voxel."""
    size: float
    """Cube root of the volume, mm."""


@dataclass(frozen=True)
class ShapeModel:
    """Common shapes of one structure."""

    mean: np.ndarray
    """(SIDE, SIDE, SIDE) signed distance in sizes, negative inside."""
    components: np.ndarray
    """(M, SIDE ** 3), orthonormal rows."""
    deviations: np.ndarray
    """(M,) standard deviation of each component among the training shapes."""
    reach: float
    """Half the frame's edge, in sizes."""

    @classmethod
    def fit(cls, masks: Sequence[np.ndarray], spacings: Sequence[Spacing]) -> ShapeModel:
        """The model of training masks, (X, Y, Z) bool each with its spacing in mm. Raises InputError without any."""
        shown = [(mask, spacing) for mask, spacing in zip(masks, spacings, strict=True) if mask.any()]
        if not shown:
            raise InputError("a shape model needs at least one training label that shows the structure")
        reach = MARGIN * max(_reach(mask, spacing) for mask, spacing in shown)
        maps = np.stack([_in_frame(mask, spacing, reach).ravel() for mask, spacing in shown])
        mean = maps.mean(0)
        _, singular, rows = np.linalg.svd(maps - mean, full_matrices=False)
        variance = singular**2 / max(len(shown) - 1, 1)
        kept = 0
        if variance.sum() > 1e-12:
            kept = min(int(np.searchsorted(np.cumsum(variance) / variance.sum(), KEPT)) + 1, len(shown) - 1)
        return cls(mean.reshape(SIDE, SIDE, SIDE), rows[:kept], np.sqrt(variance[:kept]), reach)

    def reconstruct(self, mask: np.ndarray, spacing: Spacing) -> np.ndarray:
        """The most similar common shape, at the mask's own place and size: (X, Y, Z) bool -> (X, Y, Z) bool."""
        if not mask.any():
            return np.zeros_like(mask, bool)
        pose = pose_of(mask, spacing)
        weights = self.components @ (_in_frame(mask, spacing, self.reach).ravel() - self.mean.ravel())
        weights = np.clip(weights, -LIMIT * self.deviations, LIMIT * self.deviations)
        flat = self.mean.ravel() + weights @ self.components
        return _on_grid(flat.reshape(SIDE, SIDE, SIDE), mask.shape, spacing, pose, self.reach)

    def deviation(self, mask: np.ndarray, spacing: Spacing) -> float | None:
        """Surface deviation score in mm; None for an empty mask or one of which nothing is left."""
        found = surface_distances(self.reconstruct(mask, spacing), np.asarray(mask, bool), spacing)
        return None if found is None else found.hd95()


def pose_of(mask: np.ndarray, spacing: Spacing) -> Pose:
    """Center of mass and size of a mask that is not empty."""
    center = np.array([axis.mean() for axis in np.nonzero(mask)]) * spacing
    return Pose(center, float(np.count_nonzero(mask) * np.prod(spacing)) ** (1 / 3))


def _reach(mask: np.ndarray, spacing: Spacing) -> float:
    """How far the shape extends from its center along any axis, in sizes."""
    pose = pose_of(mask, spacing)
    places = np.stack(np.nonzero(mask)) * np.array(spacing)[:, None]
    return float(np.abs(places - pose.center[:, None]).max()) / pose.size


def _in_frame(mask: np.ndarray, spacing: Spacing, reach: float) -> np.ndarray:
    """Signed distance of a mask, sampled in its own frame, in sizes: (SIDE, SIDE, SIDE) float32."""
    pose = pose_of(mask, spacing)
    axis = np.linspace(-reach, reach, SIDE) * pose.size
    steps = [(axis + center) / step for center, step in zip(pose.center, spacing, strict=True)]
    places = np.stack(np.meshgrid(*steps, indexing="ij"))
    distance = _signed(mask, spacing)
    sampled = ndimage.map_coordinates(distance, places, order=1, mode="nearest")
    last = np.array(mask.shape)[:, None, None, None] - 1
    beyond = np.linalg.norm((places - np.clip(places, 0, last)) * np.array(spacing)[:, None, None, None], axis=0)
    return ((sampled + beyond) / pose.size).astype(np.float32)  # beyond the scan nothing is inside


def _on_grid(values: np.ndarray, shape: tuple[int, ...], spacing: Spacing, pose: Pose, reach: float) -> np.ndarray:
    """Where a frame's map is negative, on the voxels of a scan: (SIDE, SIDE, SIDE) -> (X, Y, Z) bool."""
    steps = [
        ((np.arange(n) * step - center) / pose.size / reach + 1) * (SIDE - 1) / 2
        for n, step, center in zip(shape, spacing, pose.center, strict=True)
    ]
    places = np.stack(np.meshgrid(*steps, indexing="ij"))
    return ndimage.map_coordinates(values, places, order=1, mode="constant", cval=1.0) < 0


def _signed(mask: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Distance to the mask's border in mm, negative inside; the scan's edge is no border."""
    mask = np.asfortranarray(mask, bool)
    if mask.all():
        return np.full(mask.shape, -float(min(spacing)), np.float32)
    inside, outside = (
        np.sqrt(edt.edtsq(part, anisotropy=spacing, black_border=False, parallel=1)) for part in (mask, ~mask)
    )
    return np.asarray(outside - inside, np.float32)
