"""What a network or a teacher says of each voxel, to be learned by others: a class and how probable it is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from semivox.core.case import IGNORE
from semivox.functional.boxes import pasted


class PseudoLabels(NamedTuple):
    """Of a batch of patches; without gradient."""

    label: Tensor
    """(U, X, Y, Z) int64: the most probable class."""
    confidence: Tensor
    """(U, X, Y, Z): its probability."""

    @classmethod
    def of(cls, logits: Tensor) -> PseudoLabels:
        """What logits (U, K, X, Y, Z) say."""
        return cls.of_probabilities(logits.detach().float().softmax(1))

    @classmethod
    def of_probabilities(cls, probabilities: Tensor) -> PseudoLabels:
        """The same of (U, K, X, Y, Z)."""
        confidence, label = probabilities.detach().max(1)
        return cls(label, confidence)

    def sure(self, threshold: float, inside: Tensor | None = None) -> Tensor:
        """(U, X, Y, Z): the labels, IGNORE below the threshold; within boxes (U, X, Y, Z) those of the next patch."""
        label = torch.where(self.confidence >= threshold, self.label, IGNORE)
        return label if inside is None else pasted(label, inside, label.roll(1, 0))

    def pasted(self, inside: Tensor, partner: Tensor) -> PseudoLabels:
        """The same with each box (U, X, Y, Z) from the patch (U) that is its partner."""
        return PseudoLabels(*(pasted(values, inside, values[partner]) for values in self))

    def overridden(self, other: PseudoLabels, where: Tensor) -> PseudoLabels:
        """The same, but the other's where it is allowed (U, X, Y, Z), differs, and is surer."""
        better = where & (other.label != self.label) & (other.confidence > self.confidence)
        return PseudoLabels(*(torch.where(better, theirs, mine) for mine, theirs in zip(self, other, strict=True)))
