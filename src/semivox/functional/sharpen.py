"""Sharpening: a distribution over classes moved towards its most probable class, in float32."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Sharpening = Literal["softmax", "one_vs_rest"]
"""How classes compete: all against all (sums to 1), or each against the rest (the MC-Net authors' code).

For two classes they are the same. For more, one against the rest is no distribution: (.5, .3, .2) at temperature 0.1
gives (.5, .0002, .000001), while the softmax gives (.994, .006, .0001).
"""


def sharpened(logits: Tensor, temperature: float, kind: Sharpening = "softmax") -> Tensor:
    """(B, K, ...) logits -> (B, K, ...) sharpened probabilities; temperature 1 leaves a softmax as it is.

    ``p^(1/T)`` over its sum is the softmax of ``z / T``, and ``p^(1/T)`` against ``(1 - p)^(1/T)`` the sigmoid of the
    log-odds over T: no power is taken, so nothing underflows.
    """
    if kind == "softmax" or logits.shape[1] == 2:
        return (logits.float() / temperature).softmax(1)
    return (log_odds(logits) / temperature).sigmoid()


def log_odds(logits: Tensor) -> Tensor:
    """(B, K, ...) -> (B, K, ...): ``ln p - ln(1 - p)`` of each class's softmax p, finite wherever the logits are."""
    logits = logits.float()
    classes = range(logits.shape[1])
    rest = [torch.cat([logits[:, :c], logits[:, c + 1 :]], 1).logsumexp(1) for c in classes]
    return logits - torch.stack(rest, 1)
