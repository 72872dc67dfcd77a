"""Other intensities of the same patch: what may happen to them, how often, how strongly; and a second view of a batch.

What happens is drawn from one seed and from nothing else. The data layer varies every patch so, by the plan's set
(``data.augmentation.schemes``); a method that wants its student to see another view than its teacher draws one with
``another_view``. Positions never change, so what is said of one view is said of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from semivox.core.frozen import Frozen
from semivox.core.randomness import derive, generator
from semivox.functional.intensity import CHANGES, Change, Kind, apply

CHANGE_STREAM, NOISE_STREAM = 2, 3
"""Independent random numbers of one patch seed; 0 and 1 belong to its position and pose (``data``)."""


class Chance(Frozen):
    """Something that happens to some patches, to a degree drawn uniformly between two bounds."""

    probability: float = Field(0.0, ge=0, le=1)
    """That it happens to a patch."""
    low: float = 0.0
    high: float = 0.0
    center: float | None = None
    """If given, degrees below and above it are equally likely, however far the bounds reach on either side."""
    channel: float = Field(1.0, ge=0, le=1)
    """That it happens to a given channel of a patch to which it happens."""

    def degree(self, random: np.random.Generator) -> float:
        """How strongly, this time."""
        low, high = self.low, self.high
        if self.center is not None:
            low, high = (low, self.center) if random.random() < 0.5 else (self.center, high)
        return float(random.uniform(low, high))


NEVER = Chance()


class IntensityChances(Frozen):
    """What may happen to the intensities of a patch."""

    noise: Chance = NEVER
    """Standard deviation of Gaussian noise, the same in all channels."""
    blur: Chance = NEVER
    """Sigma in voxels."""
    brightness: Chance = NEVER
    """Factor."""
    contrast: Chance = NEVER
    """Factor of the distance to the mean; the range of values is kept."""
    low_resolution: Chance = NEVER
    """Share of the voxels kept along each axis."""
    inverted_gamma: Chance = NEVER
    """Exponent applied to the negative image."""
    gamma: Chance = NEVER
    """Exponent; mean and standard deviation are kept."""


STANDARD = IntensityChances(
    # nnU-Net calls this number a variance, but adds noise of this standard deviation.
    noise=Chance(probability=0.1, low=0, high=0.1),
    blur=Chance(probability=0.2, low=0.5, high=1, channel=0.5),
    brightness=Chance(probability=0.15, low=0.75, high=1.25, center=1),
    contrast=Chance(probability=0.15, low=0.75, high=1.25, center=1),
    low_resolution=Chance(probability=0.25, low=0.5, high=1, channel=0.5),
    inverted_gamma=Chance(probability=0.1, low=0.7, high=1.5, center=1),
    gamma=Chance(probability=0.3, low=0.7, high=1.5, center=1),
)
"""Of nnU-Net (Isensee et al., Nature Methods 2021, and its released version 2)."""

View = Literal["none", "standard", "strong"]
"""How far another view goes: not at all, as the plan's standard set does once more, or clearly beyond it."""
VIEWS: Mapping[View, IntensityChances] = {
    "none": IntensityChances(),
    "standard": STANDARD,
    # brightness, contrast and blur as in UniMatch V2 (Yang et al., arXiv:2410.10777, for photographs); the rest is ours
    "strong": IntensityChances(
        noise=Chance(probability=0.5, low=0, high=0.2),
        blur=Chance(probability=0.5, low=0.5, high=1.5),
        brightness=Chance(probability=0.8, low=0.5, high=1.5, center=1),
        contrast=Chance(probability=0.8, low=0.5, high=1.5, center=1),
        low_resolution=Chance(probability=0.25, low=0.5, high=1),
        inverted_gamma=Chance(probability=0.25, low=0.5, high=2, center=1),
        gamma=Chance(probability=0.5, low=0.5, high=2, center=1),
    ),
}


def changes(chances: IntensityChances, channels: int, seed: int) -> tuple[Change, ...]:
    """What happens to the channels of the patch of this seed, in the order in which it happens."""
    random = generator(seed, CHANGE_STREAM)
    found: list[Change] = []
    for kind in CHANGES:
        chance: Chance = getattr(chances, kind)
        if random.random() < chance.probability:
            found += _per_channel(kind, chance, channels, random, seed)
    return tuple(found)


@torch.no_grad()
def another_view(image: Tensor, view: View) -> Tensor:
    """(B, C, X, Y, Z) -> the same patches with other intensities, each with its own; the argument stays as it is.

    Seeds come from torch's generator, which the loop seeds by step and process: the same step gives the same view. No
    gradient passes. ``none`` is the image itself.
    """
    if view == "none":
        return image
    seeds = torch.randint(2**62, (len(image),)).tolist()
    varied = image.float().clone()
    for index, seed in enumerate(seeds):
        apply(varied[index], changes(VIEWS[view], varied.shape[1], seed))
    return varied


def _per_channel(kind: Kind, chance: Chance, channels: int, random: np.random.Generator, seed: int) -> list[Change]:
    """The channels that a change happens to; noise has one strength for all."""
    shared = chance.degree(random)
    found = []
    for channel in range(channels):
        degree = shared if kind == "noise" else chance.degree(random)
        if random.random() < chance.channel:
            found.append(Change(kind, channel, degree, derive(seed, NOISE_STREAM, channel)))
    return found
