"""Changing a patch's intensities the way scanners and protocols differ: noise, sharpness, contrast, resolution, gamma.

Each change acts on one channel (X, Y, Z) float32, normalized, and is fixed by one number. What is drawn, and how
often, is decided in ``functional.views``. All functions work on any device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.geometry import coarse_axis

Kind = Literal["noise", "blur", "brightness", "contrast", "low_resolution", "gamma", "inverted_gamma"]

BLUR_REACH = 3.0
"""A Gaussian is cut off at so many standard deviations, where it has lost 99 % of its height."""


@dataclass(frozen=True)
class Change:
    """One change of one channel, completely determined."""

    kind: Kind
    channel: int
    amount: float
    """Noise: standard deviation; blur: sigma in voxels; the others: factor or exponent."""
    seed: int
    """Of the noise."""


def apply(image: Tensor, changes: Sequence[Change]) -> Tensor:
    """(C, X, Y, Z) float32 -> the same with the changes made in their order; the argument is overwritten."""
    for change in changes:
        image[change.channel] = CHANGES[change.kind](image[change.channel], change.amount, change.seed)
    return image


def noise(values: Tensor, deviation: float, seed: int) -> Tensor:
    """Add independent Gaussian noise of a standard deviation."""
    source = torch.Generator().manual_seed(seed)
    return values + deviation * torch.randn(values.shape, generator=source).to(values.device)


def blur(values: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """Convolve with a Gaussian of ``sigma`` voxels, axis by axis; beyond the border the edge voxel continues."""
    radius = math.ceil(BLUR_REACH * sigma)
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(radius + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    for axis in range(3):
        size = values.shape[axis]
        edges = [values.narrow(axis, place, 1) for place in (0, size - 1)]
        wide = torch.cat([edges[0]] * radius + [values] + [edges[1]] * radius, axis)
        result = values * (weights[0] / total)
        for offset, weight in enumerate(weights[1:], 1):
            result.add_(wide.narrow(axis, radius - offset, size), alpha=weight / total)
            result.add_(wide.narrow(axis, radius + offset, size), alpha=weight / total)
        values = result
    return values


def brightness(values: Tensor, factor: float, seed: int = 0) -> Tensor:
    """Multiply every value."""
    return values * factor


def contrast(values: Tensor, factor: float, seed: int = 0) -> Tensor:
    """Spread the values about their mean; the patch's own minimum and maximum are not exceeded."""
    mean, (low, high) = values.mean(), torch.aminmax(values)
    return ((values - mean) * factor + mean).clamp(low, high)


def low_resolution(values: Tensor, zoom: float, seed: int = 0) -> Tensor:
    """Keep ``zoom`` of the voxels per axis and fill in linearly; a coarse axis (see ``spatial``) is left as it is."""
    x, y, z = values.shape
    coarse = coarse_axis((x, y, z))
    coarser = [size if axis == coarse else max(1, round(size * zoom)) for axis, size in enumerate((x, y, z))]
    small = F.interpolate(values[None, None], size=coarser, mode="nearest-exact")
    return F.interpolate(small, size=(x, y, z), mode="trilinear", align_corners=False)[0, 0]


def gamma(values: Tensor, exponent: float, seed: int = 0) -> Tensor:
    """Raise the values, scaled to 0..1, to a power, then restore their range, mean and standard deviation."""
    mean, deviation = values.mean(), values.std()
    low, high = torch.aminmax(values)
    curved = ((values - low) / (high - low + 1e-7)).pow_(exponent).mul_(high - low).add_(low)
    return (curved - curved.mean()).mul_(deviation / (curved.std() + 1e-8)).add_(mean)


def inverted_gamma(values: Tensor, exponent: float, seed: int = 0) -> Tensor:
    """Gamma of the negative image: acts on the bright end as gamma acts on the dark one."""
    return -gamma(-values, exponent)


CHANGES: Mapping[Kind, Callable[[Tensor, float, int], Tensor]] = {
    "noise": noise,
    "blur": blur,
    "brightness": brightness,
    "contrast": contrast,
    "low_resolution": low_resolution,
    "inverted_gamma": inverted_gamma,
    "gamma": gamma,
}
"""In the order in which they are applied."""
