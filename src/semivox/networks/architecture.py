"""What an architecture offers to the blueprint: an encoder, decoders, and the numbers that join them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from semivox.core.frozen import Frozen
from semivox.networks.parts import Upsampling

Width = Annotated[int, Field(ge=1, le=1024)]
"""Channels at the finest level."""
Step = Annotated[int, Field(ge=1, le=8)]
Strides = Annotated[tuple[tuple[Step, Step, Step], ...], Field(min_length=1, max_length=8)]
"""Down-sampling between levels, finest first."""
WIDEST = 4096
"""Channels of any level: one convolution of that many has two billion weights."""


class Output(NamedTuple):
    """What a segmentation network says of a batch of patches. Its type never depends on a flag."""

    logits: Tensor
    """(B, K, X, Y, Z)."""
    embedding: Tensor
    """(B, E, X, Y, Z): the map that the head reads, before any channel dropout of the head's own."""
    features: tuple[Tensor, ...]
    """Of the encoder, finest first."""
    scales: tuple[Tensor, ...]
    """Of the decoder, finest first."""
    extra: dict[str, Tensor]
    """Further heads by name: (B, channels of the head, X, Y, Z)."""
    deep: tuple[Tensor, ...] = ()
    """Class logits of the coarser decoder maps that have a head, each (B, K, ...) of its map's size, finest first."""
    read: Tensor | None = None
    """(B, E, X, Y, Z): the embedding as the heads read it, behind their channel dropout; None: as it is."""


class Architecture(Frozen, ABC):
    """The options of an architecture, and how to build its parts."""

    width: Width
    """Channels at the finest level; they double at each level."""
    strides: Strides
    """Down-sampling between levels, finest first."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if max(self.widths) > WIDEST:
            raise ValueError(f"its deepest level would have {max(self.widths)} channels, at most {WIDEST} can be had")
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the encoder's feature maps, finest first; one more than ``strides``."""
        return tuple(self.width * 2**level for level in range(len(self.strides) + 1))

    @property
    def embedding(self) -> int:
        """Channels of the finest decoder map: it is as wide as the finest encoder map."""
        return self.widths[0]

    @property
    def head_dropout(self) -> float:
        """Probability of the channel dropout between the finest decoder map and every head; 0: none."""
        return 0.0

    @property
    def coarse_logits(self) -> int:
        """How many coarser decoder maps, from the finest on, add to the class logits; 0: none."""
        return 0

    def ending_at(self, level: int) -> Self:
        """The options of a network that has only the levels from ``level`` on, and no layer that only serves a head.

        Its decoder reads ``features[level:]`` and gives ``scales[level:]``.
        """
        return self.model_copy(update={"strides": self.strides[level:], "width": self.width * 2**level})

    def initialize(self, head: nn.Module) -> None:
        """Set the initial weights of a head, in place; by default they stay as PyTorch draws them."""

    @abstractmethod
    def encoder(self, channels: int) -> nn.Module:
        """A module (B, channels, X, Y, Z) -> tuple of feature maps, finest first."""

    @abstractmethod
    def decoder(self, up: Upsampling = "transposed") -> nn.Module:
        """A module: tuple of feature maps, finest first -> tuple of decoder maps, finest first."""
