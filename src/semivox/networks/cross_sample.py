"""Two networks, one of which lets the patches of a batch look at each other while it learns.

Gao et al., "Correlation-aware mutual learning for semi-supervised medical image segmentation", MICCAI 2023,
arXiv:2307.06312.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from torch import Tensor, nn

from semivox.functional.classes import most_probable
from semivox.networks.architecture import Architecture, Output
from semivox.networks.blueprint import Blueprint
from semivox.networks.voxel_heads import AsRows, Reading, predicted, prediction, projection, read_by

Attention = Literal["both", "intra", "inter", "none"]
HEADS = 4  # of each attention layer; fewer where they do not divide the channels
SPREAD = 4  # hidden units of its feed-forward part, per channel
STRIDE = 8  # voxels per step along an axis where the authors let patches attend to each other


class CrossSampleAttention(nn.Module):
    """Places of a patch attend to each other, then patches do, place by place: (B, C, X, Y, Z) -> same.

    Only in training: evaluation leaves the features as they are, so that no case depends on its neighbors.
    """

    def __init__(self, channels: int, kind: Attention = "both", dropout: float = 0.5) -> None:
        super().__init__()
        heads = math.gcd(HEADS, channels)
        self.intra, self.inter = (
            nn.TransformerEncoderLayer(channels, heads, SPREAD * channels, dropout) if kind in ("both", of) else None
            for of in ("intra", "inter")
        )

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        if not self.training:
            return features
        places = features.flatten(2).permute(2, 0, 1)  # (P, B, C): a sequence of places for each patch
        if self.intra is not None:
            places = self.intra(places)
        if self.inter is not None:
            places = self.inter(places.transpose(0, 1)).transpose(0, 1)  # (B, P, C): a sequence of patches per place
        return places.permute(1, 2, 0).reshape(features.shape)


class Views(NamedTuple):
    """What two networks say of the same patches."""

    plain: Output
    mixing: Output
    agreed: Tensor
    """(U, X, Y, Z): where both see the same class in the compared patches."""
    rows: tuple[Tensor, Tensor]
    """(N, width) of each network: its predicted embeddings at the N agreed voxels."""


class MutualPair(nn.Module):
    """A plain network, one with cross-sample attention and trilinear up-sampling, and heads to compare their voxels."""

    def __init__(
        self,
        blueprint: Blueprint,
        kind: Attention,
        level: int | None,
        width: int,
        dropout: float = 0.0,
        reading: Reading = "embedding",
    ) -> None:
        super().__init__()
        self.plain = blueprint.segmenter()
        self.mixing = blueprint.segmenters(("trilinear",))
        self.reading: Reading = reading
        self.as_rows = AsRows(dropout if reading == "embedding" else 0.0)
        self.projections = nn.ModuleList(projection(blueprint.architecture.embedding, width) for _ in range(2))
        self.predictions = nn.ModuleList(prediction(width) for _ in range(2))
        if kind != "none":
            level = attention_level(blueprint.architecture) if level is None else level
            blocks = self.mixing.encoder.blocks
            assert isinstance(blocks, nn.ModuleList)
            blocks[level] = nn.Sequential(
                blocks[level], CrossSampleAttention(blueprint.architecture.widths[level], kind)
            )

    def forward(self, image: Tensor, alone: int = 0) -> Views:
        """(B, C, X, Y, Z) -> both outputs, and what is compared: all patches but the first ``alone``."""
        plain, (mixing,) = self.plain(image), self.mixing(image)
        agreed = most_probable(plain.logits[alone:]) == most_probable(mixing.logits[alone:])
        found = [self.as_rows(read_by(o, self.reading, slice(alone, None)))[agreed] for o in (plain, mixing)]
        heads = zip(found, self.projections, self.predictions, strict=True)
        one, other = (predicted(project, predict, rows) for rows, project, predict in heads)
        return Views(plain, mixing, agreed, (one, other))


def attention_level(architecture: Architecture) -> int:
    """The level, 0 the finest, whose voxels are nearest to 8 x 8 x 8 of the patch's: the paper's V-Net's fourth."""
    volumes = [1]
    for stride in architecture.strides:
        volumes.append(volumes[-1] * math.prod(stride))
    return min(range(len(volumes)), key=lambda level: abs(math.log(volumes[level] / STRIDE**3)))
