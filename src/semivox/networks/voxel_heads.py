"""Small networks on single voxels: they bring embeddings to where they are compared. Voxels are rows.

They normalize over the rows they are given, which may be some voxels of some patches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semivox.networks.freezing import fixed


class AsRows(nn.Module):
    """(B, E, ...) -> (B, ..., E): a segmenter's embedding, voxels as rows, behind channel dropout if there is any."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, embedding: Tensor) -> Tensor:
        """See the class."""
        return self.dropout(embedding.flatten(2)).movedim(1, -1).unflatten(1, embedding.shape[2:])


class RowNorm(nn.BatchNorm1d):
    """Batch normalization over rows (N, E); fewer than two rows have no statistics and are given the running ones."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, E) -> (N, E); any N."""
        batch = self.training and len(input) > 1
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, batch, momentum, self.eps
        )


def projection(channels: int, width: int) -> nn.Sequential:
    """From a segmenter's embedding to where voxels are compared: (N, channels) -> (N, width)."""
    return nn.Sequential(nn.Linear(channels, width), RowNorm(width), nn.ReLU(), nn.Linear(width, width))


def prediction(width: int) -> nn.Sequential:
    """From a projected embedding to its counterpart's (Grill et al., BYOL, NeurIPS 2020, arXiv:2006.07733)."""
    return nn.Sequential(nn.Linear(width, width), RowNorm(width), nn.ReLU(), nn.Linear(width, width))


def selector(width: int) -> nn.Sequential:
    """How much a voxel counts, before the sigmoid: (N, width) -> (N, 1)."""
    return nn.Sequential(nn.Linear(width, width), RowNorm(width), nn.LeakyReLU(0.2), nn.Linear(width, 1))


def predicted(project: nn.Module, predict: nn.Module, rows: Tensor, kept: Tensor | None = None) -> Tensor:
    """(N, channels) -> (N, width): a projection and its prediction, of the rows that are ``kept`` (N,) by a mask.

    All rows have a say in the statistics. The linear layers that meet in the middle are joined into one: same values.
    """
    *before, last = project.children()
    first, norm, relu, final = predict.children()
    assert isinstance(last, nn.Linear)
    assert isinstance(first, nn.Linear)
    for layer in before:
        rows = layer(rows)
    rows = relu(norm(F.linear(rows, first.weight @ last.weight, first(last.bias))))
    return final(rows if kept is None else rows[kept])


@torch.no_grad()
def settled(network: nn.Module, rows: Tensor) -> Tensor:
    """(N, E) -> (N, E') of such a network as in evaluation, detached: running statistics, which stay as they are."""
    with fixed(network):
        return network(rows)
