"""A probabilistic atlas: how often each class was drawn at each position of a scan.

Positions of different scans are made comparable by their distance from the scan's middle, by their share of the scan's
size, or by their place on the grid that the scans were registered onto. Shapes: label (X, Y, Z) class indices; maps
(K - 1, X', Y', Z'), one per foreground class; what no map claims is background.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.errors import InputError
from semivox.functional.partial_labels import known, not_of

Alignment = Literal["center", "resize", "registered"]
"""``center``: scans lie middle on middle, voxel on voxel; ``resize``: each is stretched to the same size;
``registered``: voxel on voxel, of scans that were registered onto one grid before."""
LARGEST = 128
"""Positions along an axis at most: a few scans, aligned no better than this, know no finer shape."""


class LabelAtlas(NamedTuple):
    """What was drawn where."""

    maps: np.ndarray
    """(K - 1, X', Y', Z') float32: the share of the scans in which the class was drawn there."""
    origin: np.ndarray
    """(3,) float32: the first position, in voxels from the middle voxel, shape // 2, of a scan; of ``center``."""
    step: np.ndarray
    """(3,) float32: voxels from one position to the next; of ``center``."""
    scans: int


def label_atlas(labels: Iterable[np.ndarray], classes: int, alignment: Alignment) -> LabelAtlas:
    """The atlas of some labels. Beyond a scan is background; voxels marked IGNORE count neither way,
    nor do scans for a class that was not looked for.

    But for ``resize`` it spans the foreground of all scans together. Each position takes the value of one voxel. Raises
    InputError for scans that are to be ``registered`` and differ in size.
    """
    drawn = tuple(labels)
    if alignment == "registered":
        require_one_grid(label.shape for label in drawn)
    shapes = np.array([label.shape for label in drawn])
    origin, step = np.zeros(3, int), np.ones(3, int)
    if alignment != "resize":
        spans = np.stack([foreground_span(label) for label in drawn])  # (N, 2, 3)
        origin, last = spans[:, 0].min(0), spans[:, 1].max(0)
        step = -(-(last - origin + 1) // LARGEST)
        shape = (last - origin) // step + 1
    else:
        shape = shapes.max(0).clip(max=LARGEST)
    counts = np.zeros((classes - 1, *shape), np.float32)
    told = np.zeros_like(counts)
    for label in drawn:
        size = np.array(label.shape)
        if alignment != "resize":
            at = [o + s * np.arange(n) + m for o, s, n, m in zip(origin, step, shape, size // 2, strict=True)]
        else:
            at = [(2 * np.arange(n) + 1) * s // (2 * n) for n, s in zip(shape, size, strict=True)]
        values = values_at(label, at)
        for index in range(1, classes):
            drawn_here = values == index
            counts[index - 1] += drawn_here
            told[index - 1] += drawn_here | not_of(values, index)
    return LabelAtlas(counts / told.clip(min=1), origin.astype(np.float32), step.astype(np.float32), len(drawn))


def require_one_grid(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse scans of different sizes: they stand on no common grid. Raises InputError."""
    sizes = sorted(set(shapes))
    if len(sizes) > 1:
        raise InputError(
            f"alignment 'registered' needs scans that were registered onto one grid, but there are sizes of {sizes[0]} "
            f"and {sizes[-1]} voxels; register them before, or choose alignment 'center' or 'resize'"
        )


def foreground_span(label: np.ndarray) -> np.ndarray:
    """(2, 3): first and last foreground voxel along each axis, in voxels from the middle voxel; the middle if none."""
    foreground = known(label) & (label > 0)
    if not foreground.any():
        return np.zeros((2, 3), int)
    along = [np.flatnonzero(foreground.any(tuple(set(range(3)) - {axis}))) for axis in range(3)]
    return np.array([[a[0] for a in along], [a[-1] for a in along]]) - np.array(label.shape) // 2


def values_at(label: np.ndarray, at: list[np.ndarray]) -> np.ndarray:
    """The label on the grid of these indices along x, y, z, which may lie beyond the scan: 0 there."""
    values = np.array(label[np.ix_(*(a.clip(0, n - 1) for a, n in zip(at, label.shape, strict=True)))])
    beyond = [(a < 0) | (a >= n) for a, n in zip(at, label.shape, strict=True)]
    values[beyond[0]], values[:, beyond[1]], values[:, :, beyond[2]] = 0, 0, 0
    return values


def sampled(maps: Tensor, position: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Maps (1, M, X', Y', Z') at the positions of patches of ``shape``: (B, M, *shape) float32, 0 beyond the maps.

    ``position`` (B, 3, 4): a patch's voxel (x, y, z, 1) -> indices of the maps, between which is interpolated linearly.
    """
    sizes = torch.tensor(maps.shape[2:], device=maps.device)
    unit = position * (2 / sizes)[:, None]  # the range of grid_sample: -1 and 1 are the outer faces
    unit = torch.cat([unit[..., :3], unit[..., 3:] + (1 / sizes - 1)[:, None]], -1).flip(1)  # last axis first
    x, y, z = (torch.arange(n, device=maps.device) for n in shape)
    grid = (
        unit[:, None, None, None, :, 0] * x[:, None, None, None]
        + unit[:, None, None, None, :, 1] * y[:, None, None]
        + (unit[:, None, None, None, :, 2] * z[:, None] + unit[:, None, None, None, :, 3])
    )  # (B, *shape, 3)
    return F.grid_sample(maps.expand(len(position), *maps.shape[1:]), grid, padding_mode="zeros", align_corners=False)
