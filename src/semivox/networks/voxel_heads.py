"""Small networks on single voxels: they bring embeddings to where they are compared. Voxels are rows.

They normalize over the rows they are given, which may be some voxels of some patches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RowNorm(nn.BatchNorm1d):
    """Batch normalization over rows (N, E); fewer than two rows have no statistics and are given the running ones."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, E) -> (N, E); any N."""
        batch = self.training and len(input) > 1
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, batch, momentum, self.eps
        )


class RowNetwork(nn.Sequential):
    """Layers on voxels as rows: (N, E) -> (N, E')."""


@torch.no_grad()
def settled(network: nn.Module, rows: Tensor) -> Tensor:
    """(N, E) -> (N, E') of a RowNetwork as in evaluation, detached: running statistics, which stay as they are."""
    for layer in network.children():
        if isinstance(layer, nn.BatchNorm1d):
            rows = F.batch_norm(
                rows, layer.running_mean, layer.running_var, layer.weight, layer.bias, False, 0.0, layer.eps
            )
        else:
            rows = layer(rows)
    return rows


def projection(channels: int, width: int) -> RowNetwork:
    """From a segmenter's embedding to where voxels are compared: (N, channels) -> (N, width)."""
    return RowNetwork(nn.Linear(channels, width), RowNorm(width), nn.ReLU(), nn.Linear(width, width))


def prediction(width: int) -> RowNetwork:
    """From a projected embedding to its counterpart's (Grill et al., BYOL, NeurIPS 2020, arXiv:2006.07733)."""
    return RowNetwork(nn.Linear(width, width), RowNorm(width), nn.ReLU(), nn.Linear(width, width))


def selector(width: int) -> RowNetwork:
    """How much a voxel counts, before the sigmoid: (N, width) -> (N, 1)."""
    return RowNetwork(nn.Linear(width, width), RowNorm(width), nn.LeakyReLU(0.2), nn.Linear(width, 1))
