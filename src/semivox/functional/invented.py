"""Invented scans: label maps of random shapes, and paint for them. No patient is needed, and nobody's data is shown.

Shapes: at every voxel the label whose smooth random field is the highest, as in SynthMorph (Hoffmann et al., IEEE TMI
2022, doi:10.1109/TMI.2021.3116879). Paint: intensities of its own for each label, then what scanners do, as in SynthSeg
(Billot et al., Medical Image Analysis 2023, doi:10.1016/j.media.2023.102789). The numbers are ours.

Everything is drawn from the generator that is handed in, on the CPU, so that a seed gives the same scan everywhere.
"""

from __future__ import annotations

from math import ceil
from typing import Annotated

import torch
from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn import functional as F

from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape
from semivox.functional.intensity import blur

Share = Annotated[float, Field(ge=0, le=1)]


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"the first number, {ends[0]:g}, is above the second, {ends[1]:g}")
    return ends


Voxels = Annotated[float, Field(ge=1, le=1000)]
Grid = Annotated[tuple[Voxels, Voxels], AfterValidator(_ordered)]
"""Shortest and longest distance of the nodes between which a random field is linear, in voxels."""
Sigma = Annotated[float, Field(gt=0, le=20)]
Kept = Annotated[float, Field(gt=0, le=1)]
Number = Annotated[int, Field(ge=2, le=64)]


class Shapes(Frozen):
    """What label maps are like."""

    labels: Annotated[tuple[Number, Number], AfterValidator(_ordered)] = (4, 9)
    """Fewest and most labels of a map."""
    grid: Grid = (6.0, 20.0)
    """Of the fields, along each axis its own: how large shapes are."""
    finer: float = Field(0.35, ge=0, le=10)
    """Height of a second field on nodes twice as dense, as a part of the first one's: how rough shapes are."""
    ground: Share = 0.5
    """Chance that one label is the ground in which the others are islands, as organs are in a body."""
    height: Annotated[tuple[float, float], AfterValidator(_ordered)] = (0.5, 1.5)
    """By how much the field of that ground is raised, in deviations of a field."""


class Paint(Frozen):
    """How a map is painted. Intensities of labels lie between 0 and 1 before all else."""

    deviation: float = Field(0.12, ge=0, le=10)
    """Most of the deviation of a label's single voxels."""
    texture: float = Field(0.12, ge=0, le=10)
    """Most of the height of a label's smooth texture."""
    texture_grid: Grid = (2.0, 6.0)
    """Of the textures."""
    blurred: Share = 0.6
    """Chance that the image is blurred."""
    sigma: Annotated[tuple[Sigma, Sigma], AfterValidator(_ordered)] = (0.4, 1.2)
    """Of the blur, in voxels."""
    coarse: Share = 0.3
    """Chance that the image has a lower resolution, along each axis its own."""
    kept: Annotated[tuple[Kept, Kept], AfterValidator(_ordered)] = (0.4, 1.0)
    """Share of the voxels along an axis that is kept then."""
    windowed: Share = 0.2
    """Chance that values outside a window become its ends, as in CT."""
    bias: float = Field(0.4, ge=0, le=10)
    """Most of the deviation of the logarithm of a slow factor, as coils have it."""
    noise: float = Field(0.08, ge=0, le=10)
    """Most of the deviation of the noise."""


BIAS_NODES = 3
"""Along each axis of a patch: a coil's factor changes once or twice over it."""
WINDOW = 0.4
"""Most of the range that a window cuts off at either end."""


def label_map(shape: Shape, options: Shapes, random: torch.Generator) -> Tensor:
    """-> (X, Y, Z) int64: a map of shapes. A label may have no voxel."""
    fewest, most = options.labels
    number = int(torch.randint(fewest, most + 1, (), generator=random))
    grid = [_between(options.grid, random) for _ in range(3)]
    fields = smooth_fields(number, shape, grid, random)
    if options.finer:
        fields += options.finer * smooth_fields(number, shape, [max(1.0, one / 2) for one in grid], random)
    if _happens(options.ground, random):
        fields[0] += _between(options.height, random)
    return fields.argmax(0)


def painted(labels: Tensor, options: Paint, random: torch.Generator) -> Tensor:
    """(X, Y, Z) int64 -> (X, Y, Z) float32 of mean 0 and deviation 1."""
    x, y, z = labels.shape
    number = int(labels.max()) + 1
    means, deviations, heights = torch.rand(3, number, generator=random)
    image = means[labels]
    image += options.deviation * deviations[labels] * torch.randn(labels.shape, generator=random)
    if options.texture:
        grid = [_between(options.texture_grid, random)] * 3
        image += options.texture * heights[labels] * smooth_fields(1, (x, y, z), grid, random)[0]
    if _happens(options.blurred, random):
        image = blur(image, _between(options.sigma, random))
    if _happens(options.coarse, random):
        image = coarser(image, [_between(options.kept, random) for _ in range(3)])
    if options.bias:
        slow = smooth_fields(1, (x, y, z), [max(1.0, (size - 1) / (BIAS_NODES - 1)) for size in (x, y, z)], random)[0]
        image *= torch.exp(options.bias * _uniform(random) * slow)
    if _happens(options.windowed, random):
        low, high = image.min(), image.max()
        cut = WINDOW * (high - low)
        image = image.clamp(low + _uniform(random) * cut, high - _uniform(random) * cut)
    image += options.noise * _uniform(random) * torch.randn(labels.shape, generator=random)
    return standardized(image)


def smooth_fields(number: int, shape: Shape, grid: list[float], random: torch.Generator) -> Tensor:
    """-> (number, X, Y, Z) float32: Gaussian noise on nodes at most ``grid`` voxels apart, linear between them."""
    nodes = [max(2, ceil((size - 1) / step) + 1) for size, step in zip(shape, grid, strict=True)]
    noise = torch.randn(1, number, *nodes, generator=random)
    return F.interpolate(noise, size=list(shape), mode="trilinear", align_corners=True)[0]


def coarser(image: Tensor, shares: list[float]) -> Tensor:
    """(X, Y, Z) -> the same with a share of the voxels along each axis, means of theirs, and linear between them."""
    fewer = [max(1, round(size * share)) for size, share in zip(image.shape, shares, strict=True)]
    small = F.interpolate(image[None, None], size=fewer, mode="area")
    return F.interpolate(small, size=list(image.shape), mode="trilinear", align_corners=False)[0, 0]


def standardized(image: Tensor) -> Tensor:
    """Mean 0 and deviation 1; all 0 where there is one value only."""
    centered = image - image.mean()
    return centered / centered.square().mean().sqrt().clamp_min(1e-6)


def boundaries(labels: Tensor) -> Tensor:
    """(B, X, Y, Z) -> bool: whether one of the six voxels beside it has another label."""
    found = torch.zeros_like(labels, dtype=torch.bool)
    for axis in (1, 2, 3):
        size = labels.shape[axis]
        differ = labels.narrow(axis, 0, size - 1) != labels.narrow(axis, 1, size - 1)
        found.narrow(axis, 0, size - 1).logical_or_(differ)
        found.narrow(axis, 1, size - 1).logical_or_(differ)
    return found


def _uniform(random: torch.Generator) -> float:
    return float(torch.rand((), generator=random))


def _between(ends: tuple[float, float], random: torch.Generator) -> float:
    return ends[0] + (ends[1] - ends[0]) * _uniform(random)


def _happens(chance: float, random: torch.Generator) -> bool:
    return _uniform(random) < chance
