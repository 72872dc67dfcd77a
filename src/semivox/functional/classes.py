"""From what is said of each class to the class itself."""

from __future__ import annotations

from torch import Tensor


def most_probable(scores: Tensor) -> Tensor:
    """(B, K, ...) -> (B, ...): index of the largest score (probability, logit, likeness), of equals the first.

    No gradient passes. On CPUs ``argmax`` over channels takes three to twenty times as long.
    """
    return scores.detach().max(1).indices
