"""The planner's choices that the machine limits: patch, depth of the network, number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from semivox.core.errors import InputError
from semivox.core.geometry import Shape, Spacing
from semivox.core.plan import NetworkChoice
from semivox.core.plurals import plural
from semivox.data.planning import cost, topology
from semivox.data.planning.options import Machine, PlanOptions

CPU_VOXELS = 64 * 64 * 48
"""A patch whose step takes seconds, not minutes, on a few processor cores."""
GPU_VOXELS = 112 * 112 * 80
"""The patch of the left-atrium benchmarks."""
GPU_MOST_VOXELS = 128**3
"""Larger patches take seconds a step even where they fit."""
STEPS = {"cpu": 1200, "cuda": 6000}
"""CPU: where a V-Net on 8 labeled left-atrium scans at 1.25 mm has flattened. CUDA: as in arXiv:1907.07034."""
FEWEST_STEPS = 200
CONVOLUTIONS = (1, 2, 3, 3, 3)
"""Of the V-Net, finest level first."""
DROPOUT = 0.1
"""Of the V-Net. Measured on 40 validation scans of the hippocampus set (8 other labeled scans, none of the test):
Dice 0.76 after 200 steps with 0.2, 0.67 with the benchmark's 0.5. With five small organs and 8 channels, 0.2 still
loses an organ in 400 steps, 0.1 and 0 lose none (decision 0012)."""

COARSE = 3
"""Coarser decoder maps of the V-Net that add to the class logits (decision 0012)."""


def choose_patch(
    median: Sequence[float],
    spacing: Spacing,
    family: cost.Family,
    options: PlanOptions,
    machine: Machine,
    patches: int,
) -> tuple[Shape, tuple[Shape, ...], str]:
    """Patch and strides: the user's patch if it divides evenly, else the largest that options and machine allow."""
    if options.patch is not None:
        levels = topology.strides(options.patch, spacing, family.levels)
        topology.require_divisible(options.patch, [levels])
        return options.patch, levels, "chosen by the user"
    voxels, limit = _limit(family, options, machine, patches)
    patch, levels = topology.fit_patch(median, spacing, family.levels, voxels)
    covered = min(1.0, prod(patch) / prod(median))
    size = "x".join(f"{value:.0f}" for value in median)
    reason = f"the median scan has {size} voxels at this spacing; the patch covers {covered:.0%} of it"
    if covered >= 1:
        return patch, levels, reason + f", rounded up to multiples of {topology.total(levels)}"
    wider = (0.25 * prod(median) / prod(patch)) ** (1 / 3)
    hint = f"; with a spacing {wider:.1f} times as coarse it would cover a quarter" if wider > 1 else ""
    return patch, levels, f"{reason}, {limit}{hint}"


def _limit(family: cost.Family, options: PlanOptions, machine: Machine, patches: int) -> tuple[float, str]:
    """The most voxels a patch may have, and what sets the limit."""
    if options.memory_gb is None:
        if machine.device == "cuda":
            return GPU_VOXELS, f"limited to {GPU_VOXELS} voxels, the benchmarks' 112x112x80, as no memory was stated"
        return CPU_VOXELS, f"limited to {CPU_VOXELS} voxels, about 64x64x48, for the speed of a CPU"
    most = GPU_MOST_VOXELS if machine.device == "cuda" else CPU_VOXELS
    affordable = cost.affordable_voxels(options.memory_gb, family.cost, patches)
    if affordable < 16**3:
        needed = cost.memory_gb(16**3, family.cost, patches)
        raise InputError(f"{options.memory_gb:g} GB are too little to train; at least {needed:.1f} GB are needed")
    if affordable < most:
        each = family.cost.bytes * cost.WORKSPACE
        return (
            affordable,
            f"limited by {options.memory_gb:g} GB at {each:.0f} bytes a voxel and {patches} patches a step",
        )
    if machine.device == "cuda":
        return most, f"limited to {most} voxels, 128x128x128, for the speed of a step"
    return most, f"limited to {most} voxels, about 64x64x48, for the speed of a CPU"


def choose_network(
    family: cost.Family, strides: Sequence[Shape], spacing: Spacing, patch: Shape, options: PlanOptions
) -> tuple[NetworkChoice, str]:
    """Depth and strides follow the patch. Lists, not tuples: the plan then equals itself after a trip through JSON."""
    built: dict[str, Any] = {"width": family.width, "strides": [list(stride) for stride in strides]}
    if family.name == "vnet":
        built["convolutions"] = list(CONVOLUTIONS[: len(strides) + 1])
        built["dropout"] = DROPOUT
        built["coarse"] = min(COARSE, len(strides))
    bottom = tuple(size // multiple for size, multiple in zip(patch, topology.total(strides), strict=True))
    named = f"{options.network}, chosen by the user" + (", a V-Net of half width" if options.network == "small" else "")
    chosen = named if options.network else "the V-Net of the left-atrium benchmarks"
    reason = (
        f"{chosen}; {len(strides) + 1} levels, so that the deepest still has {bottom} voxels (at least "
        f"{topology.SMALLEST} an axis where the patch allows); an axis at least {topology.COARSER:g} times coarser "
        f"than the finest ({min(spacing):g} mm) is not halved before the others have caught up"
    )
    if family.name == "vnet":
        reason += f"; dropout {DROPOUT:g}: the benchmark's 0.5 learns far more slowly in short runs"
        reason += (
            f"; {plural(built['coarse'], 'coarser decoder map')} added to the class logits, for an early sense of place"
        )
    return NetworkChoice(name=family.name, options=built), reason


def choose_steps(
    patch: Shape, family: cost.Family, options: PlanOptions, machine: Machine, patches: int
) -> tuple[int, str]:
    """The device's default; fewer where the hours do not suffice, until a dry step is measured by what it may take."""
    if options.steps is not None:
        return options.steps, "chosen by the user"
    cores = machine.cores if machine.device == "cpu" else cost.GPU_CORES
    if options.hours is None:
        return STEPS[machine.device], f"the default of a {machine.device.upper()}"
    return steps_within(options.hours, cost.step_seconds(prod(patch), family.cost, patches, cores), machine.device)


def steps_within(hours: float, seconds: float, device: str) -> tuple[int, str]:
    """The steps that the hours allow, at most the device's default, and why; ``seconds``: of one step."""
    usual = STEPS["cuda" if device == "cuda" else "cpu"]
    possible, each = int(hours * 3600 / seconds), f"at {seconds:.2g} s a step"
    if possible >= usual:
        return usual, f"the default of a {device.upper()}, which the {hours:g} hours allow {each}"
    if possible < FEWEST_STEPS:
        needed = FEWEST_STEPS * seconds / 3600
        return FEWEST_STEPS, f"the fewest that teach anything; {each} they take {needed:.2g} hours, not {hours:g}"
    return possible, f"what {hours:g} hours allow {each}, of the usual {usual}"
