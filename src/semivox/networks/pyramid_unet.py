"""The U-Net of URPC: five levels, instance normalization, interpolation instead of learned up-sampling.

Luo et al., MICCAI 2021, arXiv:2012.07042: two convolution units a level, max-pooling, trilinear up-sampling whose
result is concatenated to the skip, channel dropout behind each decoder level, half at the deepest and less the finer.
5,884,050 parameters for 1 channel and 2 classes at the default options, 5,884,504 with URPC's heads on all decoder
levels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from semivox.networks.architecture import Architecture, Strides, Width
from semivox.networks.parts import Norm, PooledEncoder, Upsampling, interpolation, kaiming, unit

FADING = (1.0, 0.6, 0.4, 0.2)
"""Share of the dropout that each decoder level has, deepest first: 0.5, 0.3, 0.2, 0.1 in the authors' network."""


class PyramidUNet(Architecture):
    """Options of URPC's U-Net; the defaults are the authors'."""

    width: Width = 16
    """Channels at the finest level; they double at each level."""
    strides: Strides = ((2, 2, 2),) * 4
    """Max-pooling between levels, finest first; one more level than strides."""
    norm: Norm = "instance_plain"
    dropout: float = Field(0.5, ge=0, lt=1)
    """Channel dropout behind the deepest decoder level; 0.6, 0.4 and 0.2 of it behind the finer ones."""

    def initialize(self, head: nn.Module) -> None:
        """He initialization, as everywhere in this network."""
        kaiming(head)

    def encoder(self, channels: int) -> nn.Module:
        """The contracting path."""
        return PyramidEncoder(self, channels)

    def decoder(self, up: Upsampling = "transposed") -> nn.Module:
        """The expanding path. It learns no up-sampling: ``nearest`` if asked for, else trilinear interpolation."""
        return PyramidDecoder(self, up)


class PyramidEncoder(PooledEncoder):
    """The contracting path of URPC's network."""

    def __init__(self, options: PyramidUNet, channels: int) -> None:
        super().__init__(options.strides)
        self.blocks.extend(
            pair_of_units(incoming, outgoing, options.norm)
            for incoming, outgoing in pairwise((channels, *options.widths))
        )
        kaiming(self)


class PyramidDecoder(nn.Module):
    """Feature maps, finest first -> decoder maps, finest first. Skips are concatenated: [encoder, up-sampled]."""

    def __init__(self, options: PyramidUNet, up: Upsampling) -> None:
        super().__init__()
        kind: Literal["nearest", "trilinear"] = "nearest" if up == "nearest" else "trilinear"
        levels = len(options.strides)
        self.up = nn.ModuleList(interpolation(stride, kind, "outer") for stride in options.strides)
        self.blocks = nn.ModuleList(
            pair_of_units(fine + coarse, fine, options.norm) for fine, coarse in pairwise(options.widths)
        )
        self.dropouts = nn.ModuleList(
            nn.Dropout3d(options.dropout * FADING[min(levels - 1 - level, len(FADING) - 1)]) for level in range(levels)
        )
        kaiming(self)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See the class."""
        maps = [features[-1]]
        for level in reversed(range(len(features) - 1)):
            joined = torch.cat([features[level], self.up[level](maps[-1])], dim=1)
            maps.append(self.dropouts[level](self.blocks[level](joined)))
        return tuple(reversed(maps))


def pair_of_units(incoming: int, outgoing: int, norm: Norm) -> nn.Sequential:
    """Two convolution units, the first of which changes the number of channels."""
    return nn.Sequential(unit(incoming, outgoing, norm), unit(outgoing, outgoing, norm))
