"""Networks that see different views of the same patches, as one trainable module."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from semivox.networks.architecture import Output


class Branches(nn.Module):
    """One network for each view, or one for all views: views -> one Output for each view that is given."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, *views: Tensor | None) -> tuple[Output, ...]:
        """(B, C, X, Y, Z) or None for each view -> Output of those that are not None, in their order."""
        return tuple(
            self.networks[index % len(self.networks)](view) for index, view in enumerate(views) if view is not None
        )


def mean_probabilities(network: Callable[..., tuple[Output, ...]], image: Tensor, views: int) -> Tensor:
    """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) float32: the mean of the first ``views`` of the branches."""
    return torch.stack([output.logits.float().softmax(1) for output in network(*[image] * views)]).mean(0)
