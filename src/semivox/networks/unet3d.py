"""The 3D U-Net of the embedding-matching paper: the 2016 network at half its width, dropout in every unit.

Cicek et al., "3D U-Net: learning dense volumetric segmentation from sparse annotation", MICCAI 2016,
arXiv:1606.06650. Width 16, dropout 0.15 and He initialization: Xie et al., MIDL 2024, arXiv:2407.04638. Departure
from 2016: convolutions are padded. 4,770,658 parameters for 1 channel and 2 classes at the default options.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from semivox.core.geometry import Shape
from semivox.networks.architecture import Architecture, Strides, Width
from semivox.networks.parts import DropoutOf, Norm, PooledEncoder, Upsampling, interpolation, kaiming, unit


class UNet3D(Architecture):
    """Options of the 3D U-Net; the defaults are those of the embedding-matching paper."""

    width: Width = 16
    """Channels after the very first unit; 16 is half of the 2016 network."""
    strides: Strides = ((2, 2, 2),) * 3
    """Max-pooling between levels, finest first; one more level than strides."""
    norm: Norm = "batch"
    dropout: float = Field(0.15, ge=0, lt=1)
    """Dropout after the ReLU of each convolution unit."""
    dropout_of: DropoutOf = "element"
    """Whether it drops elements (our default: the paper does not say) or whole channels."""

    @property
    def widths(self) -> tuple[int, ...]:
        """32, 64, 128, 256 at the default width: channels double in the second unit before each pooling."""
        return tuple(2 * width for width in super().widths)

    def initialize(self, head: nn.Module) -> None:
        """He initialization, as everywhere in this network."""
        kaiming(head)

    def encoder(self, channels: int) -> nn.Module:
        """The analysis path."""
        return UNetEncoder(self, channels)

    def decoder(self, up: Upsampling = "transposed") -> nn.Module:
        """The synthesis path."""
        return UNetDecoder(self, up)


class UNetEncoder(PooledEncoder):
    """The analysis path of the 2016 network."""

    def __init__(self, options: UNet3D, channels: int) -> None:
        super().__init__(options.strides)
        for level, width in enumerate(options.widths):
            incoming = channels if level == 0 else width // 2
            self.blocks.append(
                nn.Sequential(
                    unit(incoming, width // 2, options.norm, options.dropout, options.dropout_of),
                    unit(width // 2, width, options.norm, options.dropout, options.dropout_of),
                )
            )
        kaiming(self)


class UNetDecoder(nn.Module):
    """Feature maps, finest first -> decoder maps, finest first. Skips are concatenated: [encoder, up-sampled]."""

    def __init__(self, options: UNet3D, up: Upsampling) -> None:
        super().__init__()
        widths = options.widths
        self.up = nn.ModuleList(
            _grow(coarse, stride, up) for coarse, stride in zip(widths[1:], options.strides, strict=True)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                unit(fine + coarse, fine, options.norm, options.dropout, options.dropout_of),
                unit(fine, fine, options.norm, options.dropout, options.dropout_of),
            )
            for fine, coarse in pairwise(widths)
        )
        kaiming(self)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See the class."""
        maps = [features[-1]]
        for level in reversed(range(len(features) - 1)):
            maps.append(self.blocks[level](torch.cat([features[level], self.up[level](maps[-1])], dim=1)))
        return tuple(reversed(maps))


def _grow(channels: int, stride: Shape, up: Upsampling) -> nn.Module:
    """X, Y, Z grow by ``stride``, channels stay: the 2016 network has no normalization or ReLU here."""
    if up == "transposed":
        return nn.ConvTranspose3d(channels, channels, stride, stride=stride)
    return interpolation(stride, up)
