"""What training may use, and what the user has decided instead of the planner."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape, Spacing


class Budget(Frozen):
    """Limits, and choices that are not the planner's; None: the planner decides."""

    memory_gb: float | None = Field(None, gt=0)
    """Memory that training may use: of the process on a CPU, of the device on a GPU."""
    hours: float | None = Field(None, gt=0)
    """Time that training may take."""
    cores: int = Field(1, ge=1)
    """Processor cores."""
    device: Literal["cpu", "cuda"] = "cpu"
    spacing: Spacing | None = None
    """mm per voxel of the prepared scans."""
    patch: Shape | None = None
    """Voxels."""
    network: str | None = None
    """vnet, unet3d, uxnet, or small (a V-Net of half the width)."""
    steps: int | None = Field(None, ge=1)
    """Optimization steps."""
