"""Flips, turns and zooms of patches, and the way back: a segmentation of the result should be that of the patch,
flipped, turned and zoomed alike.

Flips and quarter turns move voxels and change none of them; a zoom interpolates, and may push voxels out of view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.errors import InputError


@dataclass(frozen=True)
class Transformation:
    """What happens to one patch (C, X, Y, Z), in this order."""

    zoom: float = 1.0
    """About the center; above 1 everything gets larger."""
    flips: tuple[int, ...] = ()
    """Axes, of 0, 1, 2, that are reversed."""
    turns: int = 0
    """Quarter turns in the plane of axes 0 and 1."""


def drawn(number: int, flips: Sequence[int], turns: Sequence[int], zoom: float = 0.0) -> list[Transformation]:
    """So many transformations: each axis of ``flips`` reversed or not, one of ``turns``, a zoom between 1 - ``zoom``
    and 1 + ``zoom``; all equally likely, the one that changes nothing included."""
    reverse = (torch.rand(number, len(flips)) < 0.5).tolist()
    turned = torch.randint(len(turns), (number,)).tolist()
    zooms = (1 + zoom * (2 * torch.rand(number) - 1)).tolist()
    return [
        Transformation(z, tuple(axis for axis, yes in zip(flips, r, strict=True) if yes), turns[t])
        for r, t, z in zip(reverse, turned, zooms, strict=True)
    ]


def transformed(values: Tensor, by: Sequence[Transformation]) -> Tensor:
    """(B, C, X, Y, Z) -> the same shape, each sample by its own transformation; zooming in float32, edges repeated.

    Raises InputError for a quarter turn of a patch whose first two edges differ.
    """
    if any(t.turns % 2 for t in by):
        require_square(values)
    zoomed = _zoomed(values, [t.zoom for t in by])
    return torch.stack([_turned(_flipped(v, t.flips), t.turns) for v, t in zip(zoomed, by, strict=True)])


def require_square(values: Tensor) -> None:
    """Raise InputError where quarter turns of patches (B, C, X, Y, Z) would give them another shape."""
    x, y = values.shape[2:4]
    if x != y:
        raise InputError(
            f"quarter turns in a patch of {x} x {y} voxels would change its shape; choose rotations 'half' or "
            "'fitting', or a patch whose first two edges are equal"
        )


def restored(values: Tensor, by: Sequence[Transformation]) -> Tensor:
    """What ``transformed`` did, undone: (B, C, X, Y, Z) -> the same shape. Exact but for zooms."""
    back = torch.stack([_flipped(_turned(v, -t.turns), t.flips) for v, t in zip(values, by, strict=True)])
    return _zoomed(back, [1 / t.zoom for t in by])


def in_view(values: Tensor, by: Sequence[Transformation]) -> Tensor:
    """(B, C, X, Y, Z) -> (B, X, Y, Z) bool: voxels that a patch still shows when it is zoomed."""
    zoom = torch.tensor([t.zoom for t in by], device=values.device)
    inside = torch.ones_like(values[:, 0], dtype=torch.bool)
    for axis, n in enumerate(values.shape[2:]):
        from_center = torch.linspace(1 / n - 1, 1 - 1 / n, n, device=values.device).abs()  # 1: the patch's face
        seen = zoom[:, None] * from_center <= 1 - 1 / n + 1e-6  # (B, n): up to the center of the last voxel
        inside &= seen.view(-1, *[n if a == axis else 1 for a in range(3)])
    return inside


def _flipped(values: Tensor, axes: Sequence[int]) -> Tensor:
    return values.flip([axis + 1 for axis in axes]) if axes else values


def _turned(values: Tensor, turns: int) -> Tensor:
    return values.rot90(turns, (1, 2)) if turns % 4 else values


def _zoomed(values: Tensor, zooms: Sequence[float]) -> Tensor:
    if all(zoom == 1 for zoom in zooms):
        return values
    scale = 1 / torch.tensor(zooms, device=values.device)
    theta = torch.diag_embed(scale[:, None].expand(-1, 3))  # (B, 3, 3)
    grid = F.affine_grid(F.pad(theta, (0, 1)), list(values.shape), align_corners=False)
    return F.grid_sample(values.float(), grid, padding_mode="border", align_corners=False)
