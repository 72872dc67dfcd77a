"""How patches are varied during training: what may happen, how often, how strongly.

What happens to a patch (``Parameters``) is drawn from the patch's own seed and from nothing else; making it happen
is deterministic (``augmentation.spatial``, ``functional.intensity``). The probabilities and ranges of ``standard``
are those that nnU-Net trains with (Isensee et al., Nature Methods 2021, and its released version 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from semivox.core.errors import InputError
from semivox.core.geometry import coarse_axis
from semivox.core.plan import Plan
from semivox.core.randomness import generator
from semivox.core.spelling import suggestion
from semivox.data.augmentation.spatial import PatchPose, rotation_scaling
from semivox.functional import views
from semivox.functional.intensity import Change
from semivox.functional.views import NEVER, Chance, IntensityChances

POSE_STREAM = 1
"""Of a patch's random numbers; 0 belongs to its position (``data.batches.sampler``), further ones to
``functional.views``."""


class Augmentation(IntensityChances):
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
    foreground: float = Field(0.5, ge=0, le=1)
    """Probability that a labeled patch is placed on a voxel of a random foreground class instead of anywhere."""
    last_corner: bool = True
    """Whether the last position along an axis is ever drawn; the published left-atrium code never does."""


STANDARD = Augmentation(
    rotation=Chance(probability=0.2, low=-30, high=30),
    scaling=Chance(probability=0.2, low=0.7, high=1.4),
    mirror=(0.5, 0.5, 0.5),
    **dict(views.STANDARD),
)

SETS: Mapping[str, Augmentation] = {
    "none": Augmentation(),
    "light": Augmentation(mirror=STANDARD.mirror, noise=STANDARD.noise),
    "standard": STANDARD,
    # The left-atrium protocol (Yu et al., MICCAI 2019): RandomRotFlip, then a uniform crop.
    "la": Augmentation(turn="rotflip", foreground=0.0, last_corner=False),
    # TraCoCo's (Liu et al., IEEE TMI 2024), of scans whose values lie between 0 and 1; the code clips there, too.
    "la_bright": Augmentation(
        turn="rotflip", foreground=0.0, last_corner=False, brightness=Chance(probability=1.0, low=0.75, high=1.25)
    ),
    "la_all": Augmentation(turn="quarter", mirror=(0.5, 0.5, 0.0), foreground=0.0),
}
"""By the name that a plan gives."""


def find(name: str) -> Augmentation:
    """A set by its name. Raises InputError listing the names there are."""
    if name not in SETS:
        raise InputError(f"there is no augmentation {name!r}{suggestion(name, SETS)}; choose one of {', '.join(SETS)}")
    return SETS[name]


def require_allowed(plan: Plan) -> None:
    """Raise InputError where the plan's variations reflect patches that it forbids to mirror."""
    if find(plan.augmentation).turn == "rotflip" and not all(plan.mirror[:2]):
        forbidden = " and ".join(axis for axis, allowed in zip("xy", plan.mirror, strict=False) if not allowed)
        raise InputError(
            f"augmentation {plan.augmentation!r} always reflects patches along x or y, and the plan forbids to mirror "
            f"them along {forbidden} (plan.mirror), as where a class has a side; choose another one, such as --set "
            "train.augmentation=standard"
        )


@dataclass(frozen=True)
class Parameters:
    """What happens to one patch."""

    pose: PatchPose
    changes: tuple[Change, ...]


def draw(augmentation: Augmentation, plan: Plan, seed: int) -> Parameters:
    """What happens to the patch of this seed; the plan gives patch, spacing, channels and allowed mirror axes."""
    pose = _pose(augmentation, plan, generator(seed, POSE_STREAM))
    return Parameters(pose, views.changes(augmentation, len(plan.channels), seed))


def _pose(augmentation: Augmentation, plan: Plan, random: np.random.Generator) -> PatchPose:
    matrix = _matrix(augmentation, plan, random)
    turns = 0 if augmentation.turn == "none" else int(random.integers(4))
    if augmentation.turn == "rotflip":
        axis = int(random.integers(2))
        return PatchPose(matrix, turns, (axis == 0, axis == 1, False))
    chances = random.random(3)
    x, y, z = (
        bool(allowed and chance < probability)
        for allowed, chance, probability in zip(plan.mirror, chances, augmentation.mirror, strict=True)
    )
    return PatchPose(matrix, turns, (x, y, z))


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
