"""Bringing an array to another voxel size: separable interpolation that keeps the field of view.

The edges of the first and the last voxel stay where they are, so the center of new voxel j lies at
``(j + 1/2) * old / new - 1/2`` old voxels (what torch calls ``align_corners=False``). Going back to the old shape by
the same rule is therefore the geometric inverse. Where an axis shrinks, the kernel is widened by the same factor, so
that fine detail is averaged instead of picked at random (aliasing).

Cubic kernel: Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29(6), 1981.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import ndimage, sparse

from semivox.core.geometry import Shape, Spacing

Kernel = Literal["linear", "cubic"]
RADIUS = {"linear": 1, "cubic": 2}
SAME = 0.01
"""Spacings that differ by less than this fraction are taken as equal: such an axis is left untouched."""


def target_shape(shape: Shape, spacing: Spacing, wanted: Spacing) -> Shape:
    """The shape whose voxels come closest to ``wanted`` mm over the same field of view; at least 1 voxel an axis."""
    x, y, z = (
        n if abs(old / new - 1) <= SAME else max(1, round(n * old / new))
        for n, old, new in zip(shape, spacing, wanted, strict=True)
    )
    return x, y, z


def target_spacing(shape: Shape, spacing: Spacing, new: Shape) -> Spacing:
    """mm per voxel after the same field of view was divided into ``new`` voxels."""
    x, y, z = (mm * n / m for mm, n, m in zip(spacing, shape, new, strict=True))
    return x, y, z


def resample(array: np.ndarray, shape: Shape, kernel: Kernel = "cubic") -> np.ndarray:
    """An image on a grid of another shape over the same field of view.

    (C, X, Y, Z) any number type -> (C, *shape) float32, contiguous. Axes that keep their length are not touched, and
    equal shapes give equal values. ``cubic`` may overshoot slightly at edges; ``linear`` never leaves the range of
    its input, as probabilities need.
    """
    result = np.asarray(array, dtype=np.float32)
    growth = [new / old for new, old in zip(shape, array.shape[1:], strict=True)]
    for axis in sorted(range(3), key=lambda a: growth[a]):  # shrinking first: the other axes then cost less
        if shape[axis] != array.shape[axis + 1]:
            result = _apply(_weights(array.shape[axis + 1], shape[axis], kernel), result, axis + 1)
    return np.ascontiguousarray(result)


def resample_label(label: np.ndarray, shape: Shape) -> np.ndarray:
    """A label on another grid: each class is interpolated linearly by itself, and the largest share wins.

    (X, Y, Z) uint8 -> ``shape`` uint8. No class can appear that was not there; on a tie the lower class index wins.
    """
    if label.shape == tuple(shape):
        return np.ascontiguousarray(label)
    matrices = [_weights(old, new, "linear") for old, new in zip(label.shape, shape, strict=True)]
    best, winner = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    # Outside its bounding box a class is 0, and interpolation is linear: only the box and what it reaches are computed.
    for value, box in enumerate(ndimage.find_objects(label.astype(np.int16) + 1)):
        if box is None:
            continue
        share = (label[box] == value).astype(np.float32)
        reached = []
        for axis, (matrix, extent) in enumerate(zip(matrices, box, strict=True)):
            columns = matrix[:, extent]
            rows = np.flatnonzero(np.diff(columns.indptr))  # pyrefly: ignore[missing-attribute]
            reached.append(slice(rows[0], rows[-1] + 1) if len(rows) else slice(0, 0))
            share = _apply(columns[reached[-1]], share, axis)  # pyrefly: ignore[bad-argument-type, bad-index]
        region = tuple(reached)
        larger = share > best[region]
        best[region][larger] = share[larger]
        winner[region][larger] = value
    return winner


def _weights(old: int, new: int, kernel: Kernel) -> sparse.csr_matrix:
    """(new, old) sparse: how much each old sample contributes to each new one. Beyond the ends, the end is repeated."""
    scale = old / new
    stretch = max(scale, 1.0)
    reach = RADIUS[kernel] * stretch
    center = (np.arange(new) + 0.5) * scale - 0.5
    tap = np.ceil(center - reach)[:, None] + np.arange(int(np.floor(2 * reach)) + 1)  # (new, taps)
    distance = np.abs(tap - center[:, None]) / stretch
    weight = _linear(distance) if kernel == "linear" else _cubic(distance)
    weight /= weight.sum(axis=1, keepdims=True)
    row = np.repeat(np.arange(new), tap.shape[1])
    column = np.clip(tap, 0, old - 1).astype(np.int64).ravel()
    matrix = sparse.csr_matrix((weight.ravel().astype(np.float32), (row, column)), shape=(new, old))
    matrix.eliminate_zeros()
    return matrix


def _linear(distance: np.ndarray) -> np.ndarray:
    """The triangle: 1 at 0, 0 from 1 on."""
    return np.maximum(1 - distance, 0)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -1/2, which keeps quadratics exact where an axis grows; 0 from 2 on."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0.0))


def _apply(matrix: sparse.csr_matrix, array: np.ndarray, axis: int) -> np.ndarray:
    """Multiply along one axis: length ``matrix.shape[1]`` becomes ``matrix.shape[0]``."""
    front = np.moveaxis(array, axis, 0)
    flat = matrix @ front.reshape(len(front), -1)
    return np.moveaxis(flat.reshape(matrix.shape[0], *front.shape[1:]), 0, axis)
