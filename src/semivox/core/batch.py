"""What a method sees at a step: patches, the labels of the first of them, and what was derived from those labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

UNPLACED = torch.empty(0, 3, 4)


@dataclass(frozen=True)
class Batch:
    """The patches of one step, the L labeled ones first. An unlabeled patch has no label to leak."""

    image: Tensor
    """(B, C, X, Y, Z) float32."""
    label: Tensor
    """(L, X, Y, Z) int64 class indices; ``IGNORE`` where unknown, below 0 what may be of several classes
    (``functional.partial_labels``)."""
    cases: tuple[str, ...]
    """The B case names, for memory banks."""
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    """What the method asked to derive from labels: name -> (L, ...)."""
    patch_to_scan: Tensor = UNPLACED
    """(B, 3, 4) float32: a voxel (x, y, z, 1) of the patch -> where it lies in its scan, in voxels from the scan's
    middle voxel, shape // 2. Knows of mirroring, turning and scaling. If not given, each patch is all of its scan."""
    extent: Tensor = UNPLACED
    """(B, 3) float32: voxels of each patch's scan along x, y, z."""

    def __post_init__(self) -> None:
        if self.patch_to_scan is UNPLACED:
            shape = torch.tensor(self.image.shape[2:], device=self.image.device)
            place = torch.cat([torch.eye(3, device=shape.device), -(shape // 2).float()[:, None]], 1)
            object.__setattr__(self, "patch_to_scan", place.repeat(len(self.image), 1, 1))
            object.__setattr__(self, "extent", shape.float().repeat(len(self.image), 1))

    def split(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ...) -> the labeled part (L, ...) and the unlabeled part (U, ...)."""
        labeled = len(self.label)
        return values[:labeled], values[labeled:]

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        targets = {name: value.to(device, non_blocking=True) for name, value in self.targets.items()}
        names = ("image", "label", "patch_to_scan", "extent")
        moved = {name: getattr(self, name).to(device, non_blocking=True) for name in names}
        return replace(self, targets=targets, **moved)
