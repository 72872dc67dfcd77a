"""A first guess of what training will cost, before anything has run; a dry step measures it later.

Measured with torch 2.13, float32, patches of 32x32x32, two classes: what forward keeps for backward, and the time of
forward plus backward on one core of a busy server processor (AMD EPYC). Both grow with the width of the network.
"""

from __future__ import annotations

from dataclasses import dataclass

from semivox.core.errors import InputError
from semivox.core.plan import SMALL_WIDTH
from semivox.core.spelling import suggestion


@dataclass(frozen=True)
class StepCost:
    """What one voxel of a patch costs in a training step."""

    bytes: float
    """Memory kept for the backward pass."""
    core_seconds: float
    """Time on one processor core."""


@dataclass(frozen=True)
class Family:
    """A network that can be asked for by name."""

    name: str
    """Its name in the plan."""
    width: int
    levels: int
    """The most levels it is given."""
    cost: StepCost


FAMILIES = {
    "vnet": Family("vnet", width=16, levels=5, cost=StepCost(bytes=830, core_seconds=8e-6)),
    "unet3d": Family("unet3d", width=16, levels=4, cost=StepCost(bytes=2950, core_seconds=31e-6)),
    "uxnet": Family("uxnet", width=48, levels=5, cost=StepCost(bytes=4730, core_seconds=65e-6)),
    "pyramid_unet": Family("pyramid_unet", width=16, levels=5, cost=StepCost(bytes=880, core_seconds=14e-6)),
    "small": Family("vnet", width=SMALL_WIDTH, levels=5, cost=StepCost(bytes=425, core_seconds=4e-6)),
}
WORKSPACE = 1.5
"""Peak memory over kept memory: gradients on their way, a teacher's forward pass, buffers of the convolutions."""
FIXED_GB = 1.0
"""Libraries, weights, momentum, and loader."""
PASSES = 1.5
"""Time of a semi-supervised step (a teacher's forward passes besides) over that of forward and backward alone."""
GPU_CORES = 64
"""A present-day GPU in float32, as that many cores: a low guess."""


def family(name: str) -> Family:
    """The network of that name. Raises InputError listing the names there are."""
    if name not in FAMILIES:
        raise InputError(f"there is no network {name!r}{suggestion(name, FAMILIES)}; choose from {', '.join(FAMILIES)}")
    return FAMILIES[name]


def affordable_voxels(memory_gb: float, cost: StepCost, patches: int) -> float:
    """Voxels a patch may have so that a step with ``patches`` patches stays within the memory."""
    return max(0.0, memory_gb - FIXED_GB) * 1e9 / (cost.bytes * WORKSPACE * patches)


def memory_gb(voxels: int, cost: StepCost, patches: int) -> float:
    """Gigabytes a step with ``patches`` patches of ``voxels`` voxels will take."""
    return FIXED_GB + voxels * patches * cost.bytes * WORKSPACE / 1e9


def step_seconds(voxels: int, cost: StepCost, patches: int, cores: int) -> float:
    """Seconds of a step on ``cores`` processor cores."""
    return voxels * patches * cost.core_seconds * PASSES / cores
