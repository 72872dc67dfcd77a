"""Turning, scaling and mirroring a patch: image and label together, resampled at most once.

A patch that is rotated or scaled is computed from a window of the scan large enough for it, so that its corners show
tissue and not padding. All functions work on any device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.geometry import Shape, Spacing

ANISOTROPY = 3.0
"""A patch this many times longer along one axis than along another has slices too few to be turned out of plane
(Isensee et al., nnU-Net, Nature Methods 2021)."""
LINEAR_LABELS = 8
"""Up to so many label values in a window each is interpolated linearly and the largest wins, which keeps borders
smooth; beyond it the nearest voxel decides, which costs the same however many values there are."""


@dataclass(frozen=True)
class Pose:
    """How a patch is seen: resampled by ``matrix``, then turned in plane, then mirrored."""

    matrix: np.ndarray | None = None
    """(3, 3): offset from the patch's center in voxels -> offset in the scan; None: not resampled."""
    turns: int = 0
    """Quarter turns in the x, y plane, 0..3."""
    mirror: tuple[bool, bool, bool] = (False, False, False)
    """Axes reversed after turning."""


@dataclass(frozen=True)
class Window:
    """A box of a scan's voxels; it may reach beyond the scan."""

    corner: Shape
    shape: Shape


def coarse_axis(patch: Shape) -> int | None:
    """The axis along which the patch has far fewer voxels than along another, or None."""
    return int(np.argmin(patch)) if max(patch) / min(patch) > ANISOTROPY else None


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


def unturned(pose: Pose, patch: Shape) -> Shape:
    """The patch's shape before the quarter turns."""
    return (patch[1], patch[0], patch[2]) if pose.turns % 2 else patch


def window(pose: Pose, corner: Shape, patch: Shape) -> Window:
    """The smallest window of the scan from which the patch at ``corner`` can be computed."""
    before = np.array(unturned(pose, patch))
    if pose.matrix is None:
        start = np.array(corner) + (np.array(patch) - before) // 2
        return Window(_shape(start), _shape(before))
    reach = np.abs(pose.matrix) @ ((before - 1) / 2)
    center = np.array(corner) + (np.array(patch) - 1) / 2
    start, last = np.floor(center - reach - 1e-4), np.ceil(center + reach + 1e-4)
    return Window(_shape(start), _shape(last - start + 1))


def crop(array: np.ndarray, box: Window, fill: np.ndarray | int) -> Tensor:
    """(..., X, Y, Z) of a scan -> (..., *box.shape), reading no voxel outside the box; beyond the scan is ``fill``.

    ``fill`` is a number, or one number per channel.
    """
    low = [max(-start, 0) for start in box.corner]
    high = [
        max(start + side - size, 0) for start, side, size in zip(box.corner, box.shape, array.shape[-3:], strict=True)
    ]
    inside: list[slice] = [
        slice(min(max(start, 0), size), min(max(start + side, 0), size))
        for start, side, size in zip(box.corner, box.shape, array.shape[-3:], strict=True)
    ]
    leading = (slice(None),) * (array.ndim - 3)
    part = array[leading + tuple(inside)]
    if not any(low) and not any(high):
        return torch.from_numpy(np.array(part, order="C"))
    whole = np.empty((*array.shape[:-3], *box.shape), array.dtype)
    whole[...] = np.reshape(fill, (-1, 1, 1, 1)) if np.ndim(fill) else fill
    place = tuple(slice(start, start + side) for start, side in zip(low, part.shape[-3:], strict=True))
    if part.size:
        whole[leading + place] = part
    return torch.from_numpy(whole)


def transform(image: Tensor, label: Tensor | None, pose: Pose, patch: Shape) -> tuple[Tensor, Tensor | None]:
    """What the patch shows, out of the window that ``window`` asked for.

    image (C, *window) float32, label (*window) uint8 or None -> (C, *patch), (*patch) or None.
    """
    if pose.matrix is not None:
        image, label = _resample(image, label, pose.matrix, unturned(pose, patch))
    image = _oriented(image, pose)
    return image, None if label is None else _oriented(label, pose)


def _oriented(values: Tensor, pose: Pose) -> Tensor:
    """(..., X, Y, Z): quarter turns, then mirroring."""
    if pose.turns % 4:
        values = torch.rot90(values, pose.turns, (-3, -2))
    axes = [axis - 3 for axis, mirrored in enumerate(pose.mirror) if mirrored]
    return torch.flip(values, axes) if axes else values.contiguous()


def _resample(image: Tensor, label: Tensor | None, matrix: np.ndarray, shape: Shape) -> tuple[Tensor, Tensor | None]:
    """Image linearly, label by ``LINEAR_LABELS``; the window's center and the result's center coincide."""
    grid = _grid(image, matrix, shape)
    if label is None:
        return _sample(image, grid, "bilinear"), None
    values = torch.nonzero(torch.bincount(label.flatten().int(), minlength=256)).flatten()
    if len(values) == 1:
        return _sample(image, grid, "bilinear"), label.new_full(shape, int(values[0]))
    if len(values) > LINEAR_LABELS:
        nearest = _sample(label[None].float(), grid, "nearest")[0]
        return _sample(image, grid, "bilinear"), nearest.to(label.dtype)
    shares = torch.stack([(label == value).to(image.dtype) for value in values])  # (V, *window)
    sampled = _sample(torch.cat([image, shares]), grid, "bilinear")  # (C + V, *shape)
    winner = sampled[len(image) :].argmax(0)
    return sampled[: len(image)], values[winner].to(label.dtype)


def _grid(image: Tensor, matrix: np.ndarray, shape: Shape) -> Tensor:
    """(1, *shape, 3) positions in the window as torch wants them: -1..1, last axis first."""
    size = np.array(image.shape[1:], float)
    theta = np.zeros((3, 4))
    theta[:, :3] = np.diag(2 / (size - 1)) @ matrix @ np.diag((np.array(shape) - 1) / 2)
    reversed_theta = np.concatenate([theta[::-1, 2::-1], theta[::-1, 3:]], axis=1)
    values = torch.tensor(reversed_theta[None], dtype=torch.float32, device=image.device)
    return F.affine_grid(values, [1, 1, *shape], align_corners=True)


def _sample(values: Tensor, grid: Tensor, mode: str) -> Tensor:
    """(C, *window) at the grid's positions -> (C, *shape)."""
    return F.grid_sample(values[None], grid, mode=mode, padding_mode="border", align_corners=True)[0]


def _shape(values: np.ndarray) -> Shape:
    x, y, z = (math.floor(value) for value in values)
    return x, y, z
