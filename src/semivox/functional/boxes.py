"""Boxes that are pasted from one patch into another: where they lie, and the pasting.

A box is a mask, True inside. Random numbers come from torch's generator, on the CPU whatever the device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from semivox.core.geometry import Shape


def boxes(corners: Tensor, sides: Tensor, shape: Shape) -> Tensor:
    """Corners and sides (N, 3) in voxels -> (N, *shape) bool; what reaches beyond the patch is cut off."""
    inside = []
    for axis, size in enumerate(shape):
        place = torch.arange(size)
        first = corners[:, axis, None]
        inside.append((place >= first) & (place < first + sides[:, axis, None]))  # (N, size)
    x, y, z = inside
    return x[:, :, None, None] & y[:, None, :, None] & z[:, None, None, :]


def box_of_sides(shape: Shape, share: float) -> Tensor:
    """One box of a share of each side of the patch, anywhere in it: (*shape) bool.

    As BCP's published code draws it (Bai et al., CVPR 2023, arXiv:2305.00673): sides are rounded down, and the last
    place along an axis is left out where there is another.
    """
    whole = torch.tensor(shape)
    sides = (whole * share).long().clamp_min(1)
    corner = (torch.rand(3) * (whole - sides).clamp_min(1)).long()
    return boxes(corner[None], sides[None], shape)[0]


def box_of_divisible_sides(shape: Shape, share: float, strides: Sequence[Shape]) -> tuple[slice, slice, slice]:
    """Where a part of the patch lies that a network with these strides can take, anywhere in it.

    Sides are a share of the patch's, rounded down to what the strides divide, once that at least.
    """
    chosen = []
    for axis, size in enumerate(shape):
        divisor = math.prod(stride[axis] for stride in strides)
        side = max(int(size * share) // divisor, 1) * divisor
        first = int(torch.randint(size - side + 1, ()))
        chosen.append(slice(first, first + side))
    return chosen[0], chosen[1], chosen[2]


def boxes_of_volume(number: int, shape: Shape, smallest: float, largest: float, chance: float) -> Tensor:
    """For each of ``number`` patches a box of a share of its volume between the two, or with 1 - ``chance`` none.

    (number, *shape) bool. Three exponents that sum to 1 divide the share between the axes, so that boxes are flat or
    long as often as not and always fit; two dimensional CutMix draws an aspect ratio instead.
    """
    volume = smallest + (largest - smallest) * torch.rand(number, 1)
    parts = 0.5 + torch.rand(number, 3)
    sides = (torch.tensor(shape) * volume ** (parts / parts.sum(1, keepdim=True))).round().long().clamp_min(1)
    corners = (torch.rand(number, 3) * (torch.tensor(shape) - sides + 1)).long()
    present = torch.rand(number) < chance
    return boxes(corners, sides, shape) & present[:, None, None, None]


def boxes_in(patches: Tensor, one: float, other: float, chance: float) -> Tensor:
    """(B, C, X, Y, Z) -> (B, X, Y, Z) bool: ``boxes_of_volume`` of patches of this size, shares in any order."""
    x, y, z = patches.shape[2:]
    return boxes_of_volume(len(patches), (x, y, z), min(one, other), max(one, other), chance)


def boxes_anywhere(number: int, shape: Shape) -> Tensor:
    """For each of ``number`` patches a box of one size around its own center: (number, *shape) bool.

    The size is CutMix's for two dimensions (Yun et al., ICCV 2019): sides are a share sqrt(1 - l) of the patch's, with
    l from a Beta(4, 4) law, so 0.37 of the volume on average. Centers lie
    anywhere but in the first eighth along an axis, as in the published code of AD-MT; what reaches beyond is cut off.
    """
    whole = torch.tensor(shape)
    kept = torch.distributions.Beta(4.0, 4.0).sample()
    half = (whole * (1 - kept).sqrt()).long() // 2
    first = whole // 8
    centers = first + (torch.rand(number, 3) * (whole - first)).long()
    return boxes(centers - half, (2 * half).expand(number, 3), shape)


def pasted(values: Tensor, inside: Tensor, partner: Tensor) -> Tensor:
    """(B, ..., X, Y, Z) -> the same, with what ``partner`` has where the boxes (B or nothing, X, Y, Z) are True."""
    mask = inside.to(values.device)
    while mask.ndim < values.ndim:
        mask = mask.unsqueeze(-4)  # (B, X, Y, Z) -> (B, 1, X, Y, Z)
    return torch.where(mask, partner, values)
