"""What a method sees at a step: patches, the labels of the first of them, and what was derived from those labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """The patches of one step, the L labeled ones first. An unlabeled patch has no label to leak."""

    image: Tensor
    """(B, C, X, Y, Z) float32."""
    label: Tensor
    """(L, X, Y, Z) int64 class indices; ``IGNORE`` where unknown."""
    cases: tuple[str, ...]
    """The B case names, for memory banks."""
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    """What the method asked to derive from labels: name -> (L, ...)."""

    def split(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ...) -> the labeled part (L, ...) and the unlabeled part (U, ...)."""
        labeled = len(self.label)
        return values[:labeled], values[labeled:]

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        targets = {name: value.to(device, non_blocking=True) for name, value in self.targets.items()}
        image, label = self.image.to(device, non_blocking=True), self.label.to(device, non_blocking=True)
        return Batch(image, label, self.cases, targets)
