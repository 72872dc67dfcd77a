"""Turning, scaling and mirroring a patch: image and label together, resampled at most once.

A patch that is rotated or scaled is computed from a window of the scan large enough for it, so that its corners show
tissue and not padding. All functions work on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.geometry import Shape, Spacing

LINEAR_LABELS = 8
"""Up to so many label values in a window each is interpolated linearly and the largest wins, which keeps borders
smooth; beyond it the nearest voxel decides, which costs the same however many values there are."""


@dataclass(frozen=True)
class PatchPose:
    """How a patch is seen: resampled by ``matrix``, then turned in plane, then mirrored."""

    matrix: np.ndarray | None = None
    """(3, 3): offset from the patch's center in voxels -> offset in the scan; None: not resampled."""
    turns: int = 0
    """Quarter turns in the x, y plane, 0..3."""
    mirror: tuple[bool, bool, bool] = (False, False, False)
    """Axes reversed after turning."""


@dataclass(frozen=True)
class SourceBox:
    """A box of a scan's voxels; it may reach beyond the scan."""

    corner: Shape
    shape: Shape
    center: tuple[float, float, float]
    """The patch's center, in voxels from the window's first voxel."""


def rotation_scaling(
    degrees: tuple[float, float, float], scale: tuple[float, float, float], spacing: Spacing
) -> np.ndarray:
    """(3, 3) matrix of a rotation about x, y, z and a scaling, in voxels of ``spacing`` mm.

    The rotation takes place in mm, so that voxels which are no cubes do not shear what is turned. A scale above 1
    looks at more of the scan: things appear smaller.
    """
    turned = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        about = np.eye(3)
        about[i, i], about[i, j], about[j, i], about[j, j] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        turned = about @ turned
    return np.diag(1 / np.array(spacing)) @ turned @ np.diag(np.array(scale) * np.array(spacing))


def unturned(pose: PatchPose, patch: Shape) -> Shape:
    """The patch's shape before the quarter turns."""
    return (patch[1], patch[0], patch[2]) if pose.turns % 2 else patch


def window(pose: PatchPose, corner: Shape, patch: Shape, scan: Shape) -> SourceBox:
    """The window of the scan from which the patch at ``corner`` can be computed.

    For a resampled patch it ends one voxel outside the scan at the latest: that voxel stands for all beyond it.
    """
    before = np.array(unturned(pose, patch))
    if pose.matrix is None:
        start = np.array(corner) + (np.array(patch) - before) // 2
        return _window(start, before, (before - 1) / 2)
    reach = np.abs(pose.matrix) @ ((before - 1) / 2)
    center = np.array(corner) + (np.array(patch) - 1) / 2
    start = np.maximum(np.floor(center - reach), -1)
    last = np.minimum(np.ceil(center + reach), scan)
    return _window(start, np.maximum(last - start, 1) + 1, center - start)


def crop(array: np.ndarray, box: SourceBox, fill: Sequence[float]) -> Tensor:
    """(C, X, Y, Z) of a scan -> (C, *box.shape), reading no voxel outside the box; beyond the scan is ``fill`` (C)."""
    start, scan = np.array(box.corner), np.array(array.shape[1:])
    stop = start + box.shape
    low, high = np.clip(start, 0, scan), np.clip(stop, 0, scan)
    part = array[:, *(slice(a, b) for a, b in zip(low, high, strict=True))]
    if part.shape[1:] == box.shape:
        return torch.from_numpy(np.array(part, order="C"))
    whole = np.empty((len(array), *box.shape), array.dtype)
    for channel, value in zip(whole, fill, strict=True):
        channel.fill(value)
    whole[:, *(slice(a, b) for a, b in zip(low - start, high - start, strict=True))] = part
    return torch.from_numpy(whole)


def transform(
    image: Tensor, label: Tensor | None, pose: PatchPose, box: SourceBox, patch: Shape
) -> tuple[Tensor, Tensor | None]:
    """What the patch shows, out of the window that ``window`` asked for.

    image (C, *window) float32, label (*window) uint8 or None -> (C, *patch), (*patch) or None.
    """
    if pose.matrix is not None:
        grid = _grid(box, pose.matrix, unturned(pose, patch)).to(image.device)
        image, label = _resample(image, label, grid)
    image = _oriented(image, pose)
    return image, None if label is None else _oriented(label, pose)


def place(pose: PatchPose, box: SourceBox, patch: Shape) -> Tensor:
    """(3, 4) float64: a voxel (x, y, z, 1) of the transformed patch -> its position in the scan, in voxels."""
    shape = unturned(pose, patch)
    ends = torch.meshgrid(*(torch.tensor([0.0, size - 1.0], dtype=torch.float64) for size in shape), indexing="ij")
    corners = _oriented(torch.stack(ends), pose)  # (3, 2, 2, 2): where the eight corners come from
    first = corners[:, 0, 0, 0]
    edges = torch.stack([corners[:, 1, 0, 0], corners[:, 0, 1, 0], corners[:, 0, 0, 1]], 1) - first[:, None]
    steps = edges / torch.tensor([max(size - 1, 1) for size in patch])  # (3, 3)
    seen = torch.eye(3, dtype=torch.float64) if pose.matrix is None else torch.from_numpy(pose.matrix)
    middle = (torch.tensor(shape, dtype=torch.float64) - 1) / 2
    start = seen @ (first - middle) + torch.tensor(box.center) + torch.tensor(box.corner)
    return torch.cat([seen @ steps, start[:, None]], 1)


def _oriented(values: Tensor, pose: PatchPose) -> Tensor:
    """(..., X, Y, Z): quarter turns, then mirroring."""
    if pose.turns % 4:
        values = torch.rot90(values, pose.turns, (-3, -2))
    axes = [axis - 3 for axis, mirrored in enumerate(pose.mirror) if mirrored]
    return torch.flip(values, axes) if axes else values.contiguous()


def _resample(image: Tensor, label: Tensor | None, grid: Tensor) -> tuple[Tensor, Tensor | None]:
    """(C, *window) linearly and (*window) by ``LINEAR_LABELS``, at the grid's positions."""
    if label is None:
        return _sample(image, grid, "bilinear"), None
    values = torch.nonzero(torch.bincount(label.flatten(), minlength=256)).flatten().tolist()
    if len(values) > LINEAR_LABELS:
        nearest = _sample(label[None].float(), grid, "nearest")[0]
        return _sample(image, grid, "bilinear"), nearest.to(label.dtype)
    both = image.new_empty((len(image) + len(values) - 1, *image.shape[1:]))
    both[: len(image)] = image
    for place, value in enumerate(values[1:], len(image)):
        both[place] = label == value
    sampled = _sample(both, grid, "bilinear")  # (C + V - 1, *shape)
    return sampled[: len(image)], _winner(sampled[len(image) :], values)


def _winner(shares: Tensor, values: list[int]) -> Tensor:
    """(V - 1, X, Y, Z) shares of all values but the first, which has the rest -> (X, Y, Z) uint8: the largest share's.

    Of equal shares the first value's wins, so that the background comes before a class and both before ``IGNORE``.
    """
    best = 1 - shares.sum(0)
    result = torch.full_like(best, values[0], dtype=torch.uint8)
    for share, value in zip(shares, values[1:], strict=True):
        result.masked_fill_(share > best, value)
        best = torch.maximum(best, share)
    return result


def _grid(box: SourceBox, matrix: np.ndarray, shape: Shape) -> Tensor:
    """(1, *shape, 3) positions in the window as torch wants them: -1..1, last axis first."""
    half = (np.array(box.shape) - 1) / 2
    steps = (matrix / half[:, None])[::-1]  # (3 of torch, 3): what a step along x, y, z of the result moves
    middle = (np.array(box.center) / half - 1)[::-1]
    x, y, z = (np.outer(np.arange(size) - (size - 1) / 2, steps[:, axis]) for axis, size in enumerate(shape))
    along_x, along_y, along_z = (torch.from_numpy(part.astype(np.float32)) for part in (x, y, z + middle))
    return (along_x[:, None, None] + along_y[:, None] + along_z)[None]


def _sample(values: Tensor, grid: Tensor, mode: str) -> Tensor:
    """(C, *window) at the grid's positions -> (C, *shape)."""
    return F.grid_sample(values[None], grid, mode=mode, padding_mode="border", align_corners=True)[0]


def _window(start: np.ndarray, shape: np.ndarray, center: np.ndarray) -> SourceBox:
    (i, j, k), (x, y, z), (a, b, c) = start.astype(int).tolist(), shape.astype(int).tolist(), center.tolist()
    return SourceBox((i, j, k), (x, y, z), (a, b, c))
