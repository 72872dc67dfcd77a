"""Whether a plan can be trained: asked before anything is done."""

from __future__ import annotations

from math import prod

from semivox.core.errors import InputError
from semivox.core.geometry import Shape
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.data.augmentation import schemes
from semivox.data.planning import topology
from semivox.data.planning.plan import require_affordable
from semivox.networks.blueprint import Blueprint


def require_trainable(plan: Plan) -> None:
    """Raise InputError where the parts of a plan do not go together, naming the part and what would be right."""
    schemes.find(plan.augmentation)
    if len(plan.intensity) != len(plan.channels):
        raise InputError(
            f"the plan has {plural(len(plan.channels), 'channel')}, but intensity has "
            f"{plural(len(plan.intensity), 'entry', 'entries')}"
        )
    if len(plan.classes) < 2:
        raise InputError("the plan has no class besides background")
    values = [info.value for info in plan.classes]
    if len(set(values)) < len(values):
        raise InputError(f"two classes of the plan have the same label value: {values}")
    if min(values) < 0 or max(values) > 65535:
        raise InputError(f"label values must lie between 0 and 65535, the plan has {values}")
    require_affordable(plan.fingerprint, plan.spacing)
    require_network_takes(plan.patch, Blueprint.of(plan).architecture.strides)


def require_network_takes(patch: Shape, strides: tuple[Shape, ...]) -> None:
    """Raise InputError where a network of these strides cannot be trained on patches of this size."""
    topology.require_divisible(patch, [strides])
    multiples = topology.total(strides)
    if prod(patch) < 2 * prod(multiples):
        deeper = f"the network divides it by {multiples}, which leaves its deepest level one voxel"
        raise InputError(f"the patch {patch} is too small: {deeper}; give a larger --patch")
