"""What the user decides about a plan, and the machine that it is made for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from semivox.core.frozen import Frozen, wrong_with
from semivox.core.plan import Plan, Steps
from semivox.core.spelling import suggestion
from semivox.data.planning import cost, topology

Edge = Annotated[int, Field(ge=1, le=1024)]
"""Voxels of a patch along an axis."""
Millimeters = Annotated[float, Field(ge=0.001, le=1000)]
"""Of a voxel's edge: from what a microscope resolves to more than any scanner's slices."""
DECIDED = ("version", "dataset", "classes", "channels", "fingerprint", "forecast", "reasons")
"""Fields of a plan that describe data or measurements and are not for choosing."""
CHOOSABLE = tuple(name for name in Plan.model_fields if name not in DECIDED)
"""Fields of a plan that a user may set."""
ANISOTROPIES = tuple((x, y, z) for x in (1.0, 9.0) for y in (1.0, 9.0) for z in (1.0, 9.0))
"""Which axes may be much coarser than others: where the spacing is not known yet, a patch must fit one of these."""


def _network(name: str) -> str:
    cost.family(name)
    return name


class PlanOptions(Frozen):
    """What the user has decided about the plan; what is None is the planner's choice."""

    memory_gb: float | None = Field(None, gt=0, le=1e6)
    """Memory that training may use: of the process on a CPU, of the device on a GPU."""
    hours: float | None = Field(None, gt=0, le=1e6)
    """Time that training may take."""
    spacing: tuple[Millimeters, Millimeters, Millimeters] | None = None
    """mm per voxel of the prepared scans."""
    patch: tuple[Edge, Edge, Edge] | None = None
    """Voxels."""
    network: Annotated[str, AfterValidator(_network)] | None = None
    """vnet, unet3d, uxnet, pyramid_unet, or small (a V-Net of half the width)."""
    steps: Steps | None = None
    """Optimization steps."""
    fields: Mapping[str, Any] = {}
    """Any other field of the plan, nested fields as nested mappings; the planner does not read them."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, value in self.fields.items():
            require_choosable(name)
            if not isinstance(value, Mapping):
                _require_value(name, value)
        if self.patch is not None:
            levels = cost.family(self.network or "vnet").levels
            spacings = ANISOTROPIES if self.spacing is None else (self.spacing,)
            topology.require_divisible(self.patch, [topology.strides(self.patch, one, levels) for one in spacings])
        return self


def require_choosable(name: str) -> None:
    """Raise ValueError with the nearest right name where a plan has no such field to choose."""
    if name not in CHOOSABLE:
        there = ", ".join(CHOOSABLE)
        raise ValueError(
            f"a plan has no field {name!r}{suggestion(name, CHOOSABLE)} that can be set; those are {there}"
        )


def _require_value(name: str, value: Any) -> None:
    """Raise ValueError where a field of the plan cannot have this value."""
    if found := wrong_with(Plan, name, value):
        raise ValueError(f"plan.{name}: {found} (received {value!r})")
    if name == "augmentation":
        from semivox.data.augmentation import schemes  # loads torch

        schemes.find(value)


class Machine(Frozen):
    """What a plan is made for."""

    cores: int = Field(1, ge=1)
    """Processor cores."""
    device: Literal["cpu", "cuda"] = "cpu"
