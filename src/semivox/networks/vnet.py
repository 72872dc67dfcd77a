"""The V-Net of the left-atrium benchmarks: five levels, added skips, two channel-dropout sites.

Idea: Milletari, Navab & Ahmadi, "V-Net", 3DV 2016, arXiv:1606.04797. The variant that every left-atrium table uses
is that of Yu et al. (UA-MT), MICCAI 2019, arXiv:1907.07034: 3x3x3 kernels, ReLU, batch normalization, no residuals
inside a block. 9,448,866 parameters for 1 channel and 2 classes at the default options.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from semivox.networks.architecture import Architecture, Strides, Width
from semivox.networks.parts import Norm, Upsampling, check_divisible, downsampling, units, upsampling


class VNet(Architecture):
    """Options of the V-Net; the defaults are the benchmark's."""

    width: Width = 16
    """Channels at the finest level; they double at each level."""
    convolutions: tuple[Annotated[int, Field(ge=1, le=16)], ...] = Field((1, 2, 3, 3, 3), min_length=2)
    """Convolution units per level, finest first; its length is the depth."""
    strides: Strides = ((2, 2, 2),) * 4
    """Down-sampling between levels, finest first."""
    norm: Norm = "batch"
    dropout: float = Field(0.5, ge=0, lt=1)
    """Channel dropout after the deepest level and before the heads."""

    coarse: int = Field(0, ge=0)
    """How many coarser decoder maps, from the finest on, add to the class logits by a 1x1x1 convolution of their own:
    the short way to the deep levels, by which a network learns early where in a body it is. 0: the benchmark's."""

    @model_validator(mode="after")
    def _one_stride_less(self) -> Self:
        if len(self.strides) != len(self.convolutions) - 1:
            raise ValueError(f"{len(self.convolutions)} levels need {len(self.convolutions) - 1} strides")
        return self

    @property
    def head_dropout(self) -> float:
        """The second of the two dropout sites."""
        return self.dropout

    @property
    def coarse_logits(self) -> int:
        """As many as asked for, or as there are."""
        return min(self.coarse, len(self.strides))

    def ending_at(self, level: int) -> Self:
        """Without the finest levels and their convolutions."""
        return super().ending_at(level).model_copy(update={"convolutions": self.convolutions[level:]})

    def encoder(self, channels: int) -> nn.Module:
        """The contracting path."""
        return VNetEncoder(self, channels)

    def decoder(self, up: Upsampling = "transposed") -> nn.Module:
        """The expanding path."""
        return VNetDecoder(self, up)


class VNetEncoder(nn.Module):
    """(B, C, X, Y, Z) -> one feature map a level, finest first; channel dropout on the deepest."""

    def __init__(self, options: VNet, channels: int) -> None:
        super().__init__()
        self.strides = options.strides
        widths = options.widths
        self.blocks = nn.ModuleList(
            units(number, channels if level == 0 else widths[level], widths[level], options.norm)
            for level, number in enumerate(options.convolutions)
        )
        self.down = nn.ModuleList(
            downsampling(fine, coarse, stride, options.norm)
            for fine, coarse, stride in zip(widths, widths[1:], options.strides, strict=False)
        )
        self.dropout = nn.Dropout3d(options.dropout)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        check_divisible(image, self.strides)
        features = [self.blocks[0](image)]
        for down, block in zip(self.down, list(self.blocks)[1:], strict=True):
            features.append(block(down(features[-1])))
        return *features[:-1], self.dropout(features[-1])


class VNetDecoder(nn.Module):
    """Feature maps, finest first -> decoder maps, finest first. Skips are added after the up-sampling's own ReLU."""

    def __init__(self, options: VNet, up: Upsampling) -> None:
        super().__init__()
        widths = options.widths
        self.up = nn.ModuleList(
            upsampling(coarse, fine, stride, options.norm, up)
            for fine, coarse, stride in zip(widths, widths[1:], options.strides, strict=False)
        )
        self.blocks = nn.ModuleList(
            units(number, width, width, options.norm)
            for width, number in zip(widths[:-1], options.convolutions, strict=False)
        )

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See the class."""
        maps = [features[-1]]
        for level in reversed(range(len(features) - 1)):
            maps.append(self.blocks[level](self.up[level](maps[-1]) + features[level]))
        return tuple(reversed(maps))
