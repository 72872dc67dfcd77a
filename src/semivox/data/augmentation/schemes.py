"""How patches are varied during training: what may happen, how often, how strongly.

What happens to a patch (``Parameters``) is drawn from the patch's own seed and from nothing else; making it happen
is deterministic (``augmentation.spatial``, ``augmentation.intensity``). The probabilities and ranges of ``standard``
are those that nnU-Net trains with (Isensee et al., Nature Methods 2021, and its released version 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.core.randomness import derive, generator
from semivox.core.spelling import suggestion
from semivox.data.augmentation.intensity import CHANGES, Change, Kind
from semivox.data.augmentation.spatial import Pose, coarse_axis, rotation_scaling

POSE_STREAM, CHANGE_STREAM, NOISE_STREAM = 1, 2, 3
"""Independent random numbers of one patch seed; 0 belongs to the patch's position (``data.batches.sampler``)."""


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


class Augmentation(Frozen):
    """The variations of a training run."""

    rotation: Chance = NEVER
    """Degrees about each axis, in mm space. Patches with few slices turn about the coarse axis only, any angle."""
    scaling: Chance = NEVER
    """How much farther the patch looks: 1.4 shows more of the scan, smaller. Coarse axes are not scaled."""
    mirror: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Probability of reversing x, y, z, for the axes that the plan allows."""
    turn: Literal["none", "quarter", "rotflip"] = "none"
    """``quarter``: 0..3 quarter turns in the x, y plane, equally likely; ``rotflip``: that, and then always a flip
    along x or y, as the published left-atrium code does: only the four reflections occur, never the scan as it is."""
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
    foreground: float = Field(0.5, ge=0, le=1)
    """Probability that a labeled patch is placed on a voxel of a random foreground class instead of anywhere."""
    last_corner: bool = True
    """Whether the last position along an axis is ever drawn; the published left-atrium code never does."""


STANDARD = Augmentation(
    rotation=Chance(probability=0.2, low=-30, high=30),
    scaling=Chance(probability=0.2, low=0.7, high=1.4),
    mirror=(0.5, 0.5, 0.5),
    # nnU-Net calls this number a variance, but adds noise of this standard deviation.
    noise=Chance(probability=0.1, low=0, high=0.1),
    blur=Chance(probability=0.2, low=0.5, high=1, channel=0.5),
    brightness=Chance(probability=0.15, low=0.75, high=1.25, center=1),
    contrast=Chance(probability=0.15, low=0.75, high=1.25, center=1),
    low_resolution=Chance(probability=0.25, low=0.5, high=1, channel=0.5),
    inverted_gamma=Chance(probability=0.1, low=0.7, high=1.5, center=1),
    gamma=Chance(probability=0.3, low=0.7, high=1.5, center=1),
)

SETS: Mapping[str, Augmentation] = {
    "none": Augmentation(),
    "light": Augmentation(mirror=STANDARD.mirror, noise=STANDARD.noise),
    "standard": STANDARD,
    # The left-atrium protocol (Yu et al., MICCAI 2019): RandomRotFlip, then a uniform crop.
    "la": Augmentation(turn="rotflip", foreground=0.0, last_corner=False),
    "la_all": Augmentation(turn="quarter", mirror=(0.5, 0.5, 0.0), foreground=0.0),
}
"""By the name that a plan gives."""


def find(name: str) -> Augmentation:
    """A set by its name. Raises InputError listing the names there are."""
    if name not in SETS:
        raise InputError(
            f"there is no augmentation set {name!r}{suggestion(name, SETS)}; choose one of {', '.join(SETS)}"
        )
    return SETS[name]


@dataclass(frozen=True)
class Parameters:
    """What happens to one patch."""

    pose: Pose
    changes: tuple[Change, ...]


def draw(augmentation: Augmentation, plan: Plan, seed: int) -> Parameters:
    """What happens to the patch of this seed; the plan gives patch, spacing, channels and allowed mirror axes."""
    pose = _pose(augmentation, plan, generator(seed, POSE_STREAM))
    return Parameters(pose, _changes(augmentation, len(plan.channels), seed))


def _pose(augmentation: Augmentation, plan: Plan, random: np.random.Generator) -> Pose:
    matrix = _matrix(augmentation, plan, random)
    turns = 0 if augmentation.turn == "none" else int(random.integers(4))
    if augmentation.turn == "rotflip":
        if not all(plan.mirror[:2]):
            raise InputError(
                "augmentation with turn 'rotflip' (set 'la') always reflects x or y, but the plan's mirror is "
                f"{plan.mirror}, because sides are classes; choose 'standard'"
            )
        axis = int(random.integers(2))
        return Pose(matrix, turns, (axis == 0, axis == 1, False))
    chances = random.random(3)
    x, y, z = (
        bool(allowed and chance < probability)
        for allowed, chance, probability in zip(plan.mirror, chances, augmentation.mirror, strict=True)
    )
    return Pose(matrix, turns, (x, y, z))


def _matrix(augmentation: Augmentation, plan: Plan, random: np.random.Generator) -> np.ndarray | None:
    """Rotation and scaling in one; None if neither happens."""
    coarse = coarse_axis(plan.patch)
    degrees, scale = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]
    rotated = random.random() < augmentation.rotation.probability
    scaled = random.random() < augmentation.scaling.probability
    if rotated and coarse is None:
        degrees = [augmentation.rotation.degree(random) for _ in range(3)]
    elif rotated and coarse is not None:
        degrees[coarse] = float(random.uniform(-180, 180))
    if scaled:
        factor = augmentation.scaling.degree(random)
        scale = [1.0 if axis == coarse else factor for axis in range(3)]
    if not rotated and not scaled:
        return None
    return rotation_scaling((degrees[0], degrees[1], degrees[2]), (scale[0], scale[1], scale[2]), plan.spacing)


def _changes(augmentation: Augmentation, channels: int, seed: int) -> tuple[Change, ...]:
    random = generator(seed, CHANGE_STREAM)
    changes: list[Change] = []
    for kind in CHANGES:
        chance: Chance = getattr(augmentation, kind)
        if random.random() < chance.probability:
            changes += _per_channel(kind, chance, channels, random, seed)
    return tuple(changes)


def _per_channel(kind: Kind, chance: Chance, channels: int, random: np.random.Generator, seed: int) -> list[Change]:
    """The channels that a change happens to; noise has one strength for all."""
    shared = chance.degree(random)
    changes = []
    for channel in range(channels):
        degree = shared if kind == "noise" else chance.degree(random)
        if random.random() < chance.channel:
            changes.append(Change(kind, channel, degree, derive(seed, NOISE_STREAM, channel)))
    return changes
