"""What the user decides about a plan, and the machine that it is made for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape, Spacing


class PlanOptions(Frozen):
    """What the user has decided about the plan; what is None is the planner's choice."""

    memory_gb: float | None = Field(None, gt=0)
    """Memory that training may use: of the process on a CPU, of the device on a GPU."""
    hours: float | None = Field(None, gt=0)
    """Time that training may take."""
    spacing: Spacing | None = None
    """mm per voxel of the prepared scans."""
    patch: Shape | None = None
    """Voxels."""
    network: str | None = None
    """vnet, unet3d, uxnet, pyramid_unet, or small (a V-Net of half the width)."""
    steps: int | None = Field(None, ge=1)
    """Optimization steps."""
    fields: Mapping[str, Any] = {}
    """Any other field of the plan, nested fields as nested mappings; the planner does not read them."""


class Machine(Frozen):
    """What a plan is made for."""

    cores: int = Field(1, ge=1)
    """Processor cores."""
    device: Literal["cpu", "cuda"] = "cpu"
