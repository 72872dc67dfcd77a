"""A segmentation network whose foreground voxels can be compared with prototypes of their class.

Wu et al., "Exploring smoothness and class-separation for semi-supervised medical image segmentation", MICCAI 2022,
arXiv:2203.01324; the heads descend from Alonso et al., ICCV 2021, arXiv:2104.13415.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from semivox.core.case import IGNORE
from semivox.functional.classes import most_probable
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint
from semivox.networks.voxel_heads import AsRows, Reading, predicted, prediction, projection, read_by, selector


class VoxelsOfClass(NamedTuple):
    """What is compared with the prototypes of a class."""

    rows: Tensor
    """(M, width): predicted embeddings."""
    scores: Tensor
    """(M,) in 0..1: how much each counts."""


class Separable(NamedTuple):
    """A network's output, and its foreground voxels."""

    output: Output
    embedding: Tensor
    """(B, X, Y, Z, E), as it is compared."""
    labeled: tuple[VoxelsOfClass, ...]
    """Of the labeled patches, by label: classes 1, 2, ..."""
    unlabeled: tuple[VoxelsOfClass, ...]
    """Of the others, by their most probable class."""


class SeparableNetwork(nn.Module):
    """A segmenter, with heads that predict a voxel's projected embedding and score how much the voxel counts."""

    def __init__(self, blueprint: Blueprint, width: int, dropout: float = 0.0, reading: Reading = "embedding") -> None:
        super().__init__()
        self.segmenter = blueprint.segmenter()
        self.reading: Reading = reading
        self.as_rows = AsRows(dropout if reading == "embedding" else 0.0)
        self.projection = projection(blueprint.architecture.embedding, width)
        self.prediction = prediction(width)
        self.selectors = nn.ModuleList(selector(width) for _ in range(1, blueprint.classes))

    def forward(self, image: Tensor, label: Tensor | None) -> Separable:
        """(B, C, X, Y, Z), and (L, X, Y, Z) of the first of them; without labels, no voxels are compared."""
        output = self.segmenter(image)
        embedding = self.as_rows(read_by(output, self.reading))  # draws random numbers, hence in any case
        if label is None:
            return Separable(output, embedding, (), ())
        labeled = len(label)
        guess = most_probable(output.logits[labeled:])
        features_l, features_u = self._voxels(embedding[:labeled], label), self._voxels(embedding[labeled:], guess)
        return Separable(output, embedding, features_l, features_u)

    def score(self, rows: Tensor, index: int) -> Tensor:
        """(M, width) -> (M,) in 0..1: how much each counts for class ``index``; does not reach the rows."""
        return self.selectors[index - 1](rows.detach()).squeeze(1).float().sigmoid()

    def _voxels(self, embedding: Tensor, classes: Tensor) -> tuple[VoxelsOfClass, ...]:
        """All voxels have a say in the statistics of the heads; those of the background end there."""
        kept = ((classes > 0) & (classes != IGNORE)).flatten()
        rows = predicted(self.projection, self.prediction, embedding.flatten(0, -2), kept)
        classes = classes.flatten()[kept]
        groups = [rows[classes == index] for index in range(1, len(self.selectors) + 1)]
        return tuple(VoxelsOfClass(group, self.score(group, index)) for index, group in enumerate(groups, 1))


@torch.no_grad()
def recognized(logits: Tensor, label: Tensor) -> Tensor:
    """(L, K, X, Y, Z), (L, X, Y, Z) -> (L, X, Y, Z): foreground voxels whose most probable class is their label."""
    return (most_probable(logits) == label) & (label > 0)
