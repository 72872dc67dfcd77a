"""What to do about a class that a run draws nowhere, by its size and by how often it was shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.data.batches.patches import Patches
from semivox.data.batches.sampler import Draw
from semivox.methods.method import Method

SMALL = 100
"""Voxels below which an object is too small for a short run: those of 30 were lost for hundreds of steps, those of 240
were found (decision 0012)."""
RARE = 0.1
"""Share of the labeled patches below which a class is shown too seldom."""
LATEST = 500
"""Labeled patches, the last ones, in which a class is counted."""
MOST = 2000
"""Voxels of a class that are kept of each scan (``data.prepared.labels.sample_foreground``)."""
NEARLY = 0.95
"""Part of a spacing above which another is no finer."""


class Measured(NamedTuple):
    """What is known of a class that was lost."""

    size: float
    """Voxels of the plan's grid, the median over the labeled scans that show it; none counts more than 2000."""
    scans: int
    """Labeled scans that show it."""
    shown: int
    """How many of the last labeled patches showed it."""
    patches: int
    """How many these were."""


def measure(patches: Patches, classes: Collection[int], done: int) -> list[Measured]:
    """Size of classes on the plan's grid, and how often the last labeled patches of ``done`` steps showed them.

    A patch is taken as it was cut, before it was turned.
    """
    if not classes:
        return []
    per_step = patches.labeled.per_step
    steps = range(max(0, done - -(-LATEST // per_step)), done)
    drawn = [patches.labeled.draw(patches.seed, step, place) for step in steps for place in range(per_step)]
    held = [patches.foreground(case) for case in range(len(patches.split.labeled))]
    return [_measured(index, held, drawn, patches.plan.patch) for index in classes]


def _measured(
    index: int, held: Sequence[Mapping[int, np.ndarray]], drawn: Sequence[Draw], patch: Sequence[int]
) -> Measured:
    sizes = [len(voxels[index]) for voxels in held if index in voxels]
    shown = 0
    for one in drawn:
        voxels = held[one.case].get(index)
        if voxels is not None:
            place = voxels - np.array(one.corner)
            shown += bool(((place >= 0) & (place < np.array(patch))).all(1).any())
    return Measured(float(np.median(sizes)), len(sizes), shown, len(drawn))


def advice(plan: Plan, method: Method, of: Measured) -> str:
    """What is known of a class that is found nowhere, and what to change, most promising first."""
    size = f"at least {MOST}" if of.size >= MOST else f"{of.size:.0f}"
    shown = f"{of.shown} of the last {plural(of.patches, 'labeled patch', 'labeled patches')} showed it"
    wanted = []
    if finer := finer_spacing(plan, of.size):
        wanted.append(f"give finer voxels (--spacing {finer}), as an object of under {SMALL} voxels is easily missed")
    if of.shown < RARE * of.patches:
        wanted.append(
            f"let more patches show it (a larger --patch, --set plan.labeled_per_step={2 * plan.labeled_per_step})"
        )
    if of.scans == 1:
        wanted.append("label it in more scans")
    if method.config.balance == 0:
        wanted.append("let small classes count as much as large ones (--set method.balance=0.5)")
    wanted.append(f"train longer (--steps {2 * plan.steps})")
    if method.uses_unlabeled:
        wanted.append("lower the weight of the unlabeled part, if the twin without it finds the class")
    return (
        "the network finds it nowhere, not even where a training label shows it. It has "
        f"{size} voxels of {_edges(plan.spacing)} mm in {plural(of.scans, 'labeled scan')}, and {shown}. To find it, "
        + "; or ".join(wanted)
    )


def finer_spacing(plan: Plan, size: float) -> str:
    """The spacing at which a class of ``size`` voxels has ``SMALL``, as an option's text; no finer than the scans
    usually are, and empty where that is no finer than the plan's."""
    cases = plan.fingerprint.cases
    if size >= SMALL or not cases:
        return ""
    usual = np.median([case.spacing for case in cases], axis=0)
    wanted = np.maximum(np.array(plan.spacing) * (size / SMALL) ** (1 / 3), np.minimum(usual, plan.spacing))
    finer = np.prod(wanted) < NEARLY * np.prod(plan.spacing)
    return ",".join(f"{length:.3g}" for length in wanted) if finer else ""


def _edges(spacing: Sequence[float]) -> str:
    return " x ".join(f"{length:.3g}" for length in spacing)
