"""Small networks on single voxels: they bring embeddings to where they are compared. Voxels are rows.

They normalize over the rows they are given, which may be some voxels of some patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from semivox.networks.architecture import Output
from semivox.networks.freezing import fixed

Reading = Literal["embedding", "head"]
"""The form of a segmenter's embedding in which voxels are compared: as it is, or behind the dropout of the heads."""
Remembering = Literal["after", "before"]
"""Whether what is remembered of a step is projected with the statistics that the step left, or those it found."""
Statistics = Mapping[str, Tensor]


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
def settled(network: nn.Module, rows: Tensor, statistics: Statistics | None = None) -> Tensor:
    """(N, E) -> (N, E') of such a network as in evaluation, detached: running statistics, which stay as they are.

    ``statistics``: as they were when ``statistics_of`` took them, in place of those of now.
    """
    with fixed(network):
        return network(rows) if statistics is None else functional_call(network, dict(statistics), (rows,))


def statistics_of(network: nn.Module) -> Statistics:
    """A copy of the running statistics of such a network."""
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def read_by(output: Output, reading: Reading, part: slice = slice(None)) -> Tensor:
    """(B', E, X, Y, Z): the embedding of a part of the patches in this form; ``head`` has its dropout already."""
    whole = output.embedding if reading == "embedding" or output.read is None else output.read
    return whole[part]
