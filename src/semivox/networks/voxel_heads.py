"""Small networks on single voxels: they bring embeddings to where they are compared.

A projection's first linear layer is a 1x1x1 head of the segmenter (``heads={"projection": width}``): it reads the map
behind the head's channel dropout, as the logits do. What follows normalizes over voxels, hence over chosen ones.
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


def projection(width: int) -> RowNetwork:
    """What follows the first linear layer of a projection."""
    return RowNetwork(RowNorm(width), nn.ReLU(), nn.Linear(width, width))


def prediction(width: int) -> RowNetwork:
    """From a projected embedding to its counterpart's (Grill et al., BYOL, NeurIPS 2020, arXiv:2006.07733)."""
    return RowNetwork(nn.Linear(width, width), RowNorm(width), nn.ReLU(), nn.Linear(width, width))


def selector(width: int) -> RowNetwork:
    """How much a voxel counts, before the sigmoid: (N, width) -> (N, 1)."""
    return RowNetwork(nn.Linear(width, width), RowNorm(width), nn.LeakyReLU(0.2), nn.Linear(width, 1))


def as_rows(maps: Tensor) -> Tensor:
    """(B, E, X, Y, Z) -> (B, X, Y, Z, E), so that a mask over voxels picks rows."""
    return maps.movedim(1, -1)
