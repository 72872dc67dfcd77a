"""How a patch and a network fit each other: which axes are halved at which level, and which patch then divides evenly.

The rules are those nnU-Net made common (Isensee et al., Nature Methods 2021, doi:10.1038/s41592-020-01008-z): an axis
is halved while that leaves it at least 4 voxels, and only when its voxels are not already clearly coarser than those
of the finest axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

from semivox.core.errors import InputError
from semivox.core.geometry import Shape, Spacing

SMALLEST = 4
"""Voxels an axis keeps at the deepest level."""
COARSER = 2.0
"""An axis this many times coarser than the finest one waits until the others have caught up."""
SLACK = 1.05
"""A patch may exceed the wanted number of voxels by this factor, so that rounding does not cost a whole step."""


def strides(size: Sequence[float], spacing: Spacing, levels: int) -> tuple[Shape, ...]:
    """Down-sampling between at most ``levels`` levels, finest first; at least one.

    ``size`` in voxels (fractions welcome), ``spacing`` in mm -> such as ((2, 2, 1), (2, 2, 2)).
    """
    edge, millimeters = list(size), list(spacing)
    result: list[Shape] = []
    while len(result) < levels - 1:
        possible = [axis for axis in range(3) if edge[axis] >= 2 * SMALLEST]
        if not possible:
            break
        finest = min(millimeters[axis] for axis in possible)
        halved = [axis for axis in possible if millimeters[axis] < COARSER * finest]
        for axis in halved:
            edge[axis] /= 2
            millimeters[axis] *= 2
        result.append(_stride(halved))
    return tuple(result) or (_stride([axis for axis in range(3) if edge[axis] >= 2]),)


def total(levels: Sequence[Shape]) -> Shape:
    """Voxels of the patch per voxel of the deepest level: each axis of a patch must be a multiple of it."""
    x, y, z = (prod(stride[axis] for stride in levels) for axis in range(3))
    return x, y, z


def require_divisible(patch: Shape, possible: Sequence[Sequence[Shape]]) -> None:
    """Raise InputError, with a patch that would be right, where none of the possible strides divides this one."""
    wrong = [total(levels) for levels in possible]
    if not any(all(edge % multiple == 0 for edge, multiple in zip(patch, one, strict=True)) for one in wrong):
        better = tuple(max(1, round(n / m)) * m for n, m in zip(patch, wrong[0], strict=True))
        raise InputError(f"the patch {patch} must be divisible by {wrong[0]}; {better} would be right")


def fit_patch(median: Sequence[float], spacing: Spacing, levels: int, voxels: float) -> tuple[Shape, tuple[Shape, ...]]:
    """The largest patch shaped like the median scan that has at most about ``voxels`` voxels, and its strides.

    Starts from the median scan rounded up to what the strides divide, then shortens the axis that is longest in
    proportion, by one multiple at a time. ``median`` in voxels on the plan's grid.
    """
    chosen = strides(median, spacing, levels)
    patch = [ceil(size / multiple) * multiple for size, multiple in zip(median, total(chosen), strict=True)]
    while prod(patch) > SLACK * voxels:
        multiples = total(chosen)
        shrinkable = [axis for axis in range(3) if patch[axis] > max(multiples[axis], SMALLEST)]
        if not shrinkable:
            break
        longest = max(shrinkable, key=lambda axis: patch[axis] / median[axis])
        patch[longest] -= multiples[longest]
        chosen = strides(patch, spacing, levels)
        # Rounding down, never up: the patch shrinks in every turn, so the loop ends.
        patch = [size // multiple * multiple for size, multiple in zip(patch, total(chosen), strict=True)]
    x, y, z = patch
    return (x, y, z), chosen


def _stride(halved: Sequence[int]) -> Shape:
    """2 for each axis listed, 1 for the others."""
    x, y, z = (2 if axis in halved else 1 for axis in range(3))
    return x, y, z
