"""Several networks as one: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from semivox.inference.window import Predict


def averaged(networks: Sequence[Predict]) -> Predict:
    """The mean of what the networks say, in float32; of one network, what it says itself.

    The log loss of a mean is at most the mean of the log losses (the logarithm is concave), so an average is never a
    worse forecast than its members are on average; of Dice no such law holds.
    """
    if len(networks) == 1:
        return networks[0]

    def predict(image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""
        total = networks[0](image).float()
        for network in networks[1:]:
            total = total + network(image).float()
        return total / len(networks)

    return predict
