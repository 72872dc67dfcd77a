"""3D UX-Net: large depth-wise convolutions in the encoder, residual blocks around it, a U-Net's decoder.

Lee, Bao, Huo & Landman, "3D UX-Net: a large kernel volumetric ConvNet modernizing hierarchical transformer for medical
image segmentation", ICLR 2023, arXiv:2209.15076. The residual block is that of UNETR. 53,005,922 parameters for 1
channel and 2 classes at the default options, of which the large-kernel encoder has 1,311,936.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semivox.core.geometry import Shape
from semivox.networks.architecture import Architecture, Strides, Width
from semivox.networks.convolution import Conv3d
from semivox.networks.parts import Norm, Upsampling, check_divisible, interpolation, normalization

HIDDEN = 4
"""Values into which a UX block spreads each channel, on its own."""
SLOPE = 0.01
"""Of the leaky ReLU for negative values, as in UNETR's code."""


class UXNet(Architecture):
    """Options of 3D UX-Net; the defaults are the paper's."""

    width: Width = 48
    """Channels at the finest level; they double at each level."""
    blocks: int = Field(2, ge=1, le=64)
    """UX blocks per stage of the encoder."""
    strides: Strides = ((2, 2, 2),) * 4
    """Down-sampling between levels, finest first; the first is that of the stem."""
    norm: Norm = "instance"
    """Of the residual blocks; UX blocks and the ways down have layer normalization."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Channel dropout after the deepest level and before the heads; the paper has none."""
    drop_path: float = Field(0.0, ge=0, lt=1)
    """How often the last UX block is skipped in training; rises linearly from 0 in the first."""
    layer_scale: float = Field(1e-6, gt=0)
    """Initial factor of each UX block's change."""
    closing: int = Field(1, ge=0, le=64)
    """Residual blocks between the finest decoder map and the heads."""

    @property
    def head_dropout(self) -> float:
        """The second of the two dropout sites."""
        return self.dropout

    def ending_at(self, level: int) -> Self:
        """Without the finest levels and the closing blocks."""
        return super().ending_at(level).model_copy(update={"closing": 0})

    def encoder(self, channels: int) -> nn.Module:
        """The large-kernel stages, and a residual block on the image and on each stage's output."""
        return UXNetEncoder(self, channels)

    def decoder(self, up: Upsampling = "transposed") -> nn.Module:
        """The expanding path."""
        return UXNetDecoder(self, up)


class UXNetEncoder(nn.Module):
    """(B, C, X, Y, Z) -> one feature map a level, finest first; channel dropout on the deepest."""

    def __init__(self, options: UXNet, channels: int) -> None:
        super().__init__()
        self.strides = options.strides
        widths = options.widths
        self.stages = Stages(options, channels)
        self.blocks = nn.ModuleList([ResidualBlock(channels, widths[0], options.norm)])
        self.blocks.extend(ResidualBlock(fine, coarse, options.norm) for fine, coarse in pairwise(widths))
        self.dropout = nn.Dropout3d(options.dropout)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        check_divisible(image, self.strides)
        read = (image, *self.stages(image))
        features = [block(values) for block, values in zip(self.blocks, read, strict=True)]
        return *features[:-1], self.dropout(features[-1])


class Stages(nn.Module):
    """(B, C, X, Y, Z) -> the normalized output of each stage, finest first: the first already one stride coarser.

    What goes on to the next stage is not normalized by the output's own layer.
    """

    def __init__(self, options: UXNet, channels: int) -> None:
        super().__init__()
        widths, strides = options.widths[:-1], options.strides
        stem = Conv3d(channels, widths[0], 7, stride=strides[0], padding=3)
        self.down = nn.ModuleList([nn.Sequential(stem, LayerNorm(widths[0]))])
        for (fine, coarse), stride in zip(pairwise(widths), strides[1:], strict=True):
            self.down.append(nn.Sequential(LayerNorm(fine), nn.Conv3d(fine, coarse, stride, stride=stride)))
        total = options.blocks * len(widths)
        skipped = iter([options.drop_path * i / max(1, total - 1) for i in range(total)])
        self.stages = nn.ModuleList(
            nn.Sequential(*[UXBlock(width, options.layer_scale, next(skipped)) for _ in range(options.blocks)])
            for width in widths
        )
        self.norms = nn.ModuleList(LayerNorm(width) for width in widths)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        outputs, values = [], image
        for down, stage, norm in zip(self.down, self.stages, self.norms, strict=True):
            values = stage(down(values))
            outputs.append(norm(values))
        return tuple(outputs)


class UXBlock(nn.Module):
    """What a 7x7x7 depth-wise convolution sees, through a small network per channel, is added: (B, d, ...) -> same.

    Channels meet in the layer normalization only. 360 d parameters.
    """

    def __init__(self, width: int, scale: float, skipped: float) -> None:
        super().__init__()
        self.spatial = nn.Conv3d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm(width)
        self.mlp = ChannelMLP(width)
        self.scale = nn.Parameter(torch.full((width, 1, 1, 1), scale))
        self.skipped = skipped

    def forward(self, values: Tensor) -> Tensor:
        """See the class. In training the change of a whole sample is dropped with probability ``skipped``."""
        change = self.scale * self.mlp(self.norm(self.spatial(values)))
        if self.training and self.skipped:
            kept = torch.rand(len(values), 1, 1, 1, 1, device=values.device) >= self.skipped
            change = change * (kept / (1 - self.skipped))
        return values + change


class ChannelMLP(nn.Module):
    """Each channel through its own 1 -> 4 -> 1 perceptron with GELU: (B, d, ...) -> same.

    The two grouped 1x1x1 convolutions hold the weights; the sum over the four hidden values is written out, since
    PyTorch's grouped convolutions take two to three times as long (measured on one core, 48 channels, 28x28x28).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = nn.Conv3d(width, HIDDEN * width, 1, groups=width)
        self.gather = nn.Conv3d(HIDDEN * width, width, 1, groups=width)

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        layers = (self.spread.weight, self.spread.bias, self.gather.weight)
        weight, bias, back = (p.view(-1, HIDDEN, 1, 1, 1) for p in layers if p is not None)  # (d, 4, 1, 1, 1)
        result = self.gather.bias.view(-1, 1, 1, 1)  # type: ignore[union-attr]
        for i in range(HIDDEN):
            result = result + back[:, i] * F.gelu(torch.addcmul(bias[:, i], weight[:, i], values))
        return result


class LayerNorm(nn.LayerNorm):
    """Normalizes the channels of each voxel: (B, d, X, Y, Z) -> same."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        return super().forward(values.movedim(1, -1)).movedim(-1, 1)


class UXNetDecoder(nn.Module):
    """Feature maps, finest first -> decoder maps, finest first. Skips are concatenated: [up-sampled, encoder]."""

    def __init__(self, options: UXNet, up: Upsampling) -> None:
        super().__init__()
        steps = list(zip(pairwise(options.widths), options.strides, strict=True))
        self.up = nn.ModuleList(_grow(coarse, fine, stride, up) for (fine, coarse), stride in steps)
        self.blocks = nn.ModuleList(ResidualBlock(2 * fine, fine, options.norm) for (fine, _), _ in steps)
        self.closing = nn.Sequential(
            *[ResidualBlock(options.width, options.width, options.norm) for _ in range(options.closing)]
        )

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See the class."""
        maps = [features[-1]]
        for level in reversed(range(len(features) - 1)):
            maps.append(self.blocks[level](torch.cat([self.up[level](maps[-1]), features[level]], dim=1)))
        return self.closing(maps.pop()), *reversed(maps)


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions without bias, normalized, leaky ReLU, and a shortcut: (B, incoming, ...) -> outgoing.

    The shortcut is a normalized 1x1x1 convolution where widths differ. Order and names of the layers are those of
    MONAI's UnetResBlock, so that the same seed draws the same weights and published weights can be loaded.
    """

    def __init__(self, incoming: int, outgoing: int, norm: Norm) -> None:
        super().__init__()
        plain: Norm = "instance_plain" if norm == "instance" else norm
        self.conv1 = _convolution(incoming, outgoing, 3)
        self.conv2 = _convolution(outgoing, outgoing, 3)
        self.norm1, self.norm2 = normalization(plain, outgoing), normalization(plain, outgoing)
        self.widens = incoming != outgoing
        if self.widens:
            self.conv3, self.norm3 = _convolution(incoming, outgoing, 1), normalization(plain, outgoing)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        inner = F.leaky_relu(self.norm1(self.conv1(image)), SLOPE)
        shortcut = self.norm3(self.conv3(image)) if self.widens else image
        return F.leaky_relu(self.norm2(self.conv2(inner)) + shortcut, SLOPE)


def _convolution(incoming: int, outgoing: int, size: int) -> nn.Sequential:
    conv = Conv3d(incoming, outgoing, size, padding=size // 2, bias=False)
    return nn.Sequential(OrderedDict[str, nn.Module](conv=conv))


def _grow(incoming: int, outgoing: int, stride: Shape, up: Upsampling) -> nn.Module:
    """X, Y, Z grow by ``stride``: a transposed convolution (the paper's), or interpolation and a 1x1x1 convolution."""
    if up == "transposed":
        return nn.ConvTranspose3d(incoming, outgoing, stride, stride=stride, bias=False)
    return nn.Sequential(nn.Conv3d(incoming, outgoing, 1, bias=False), interpolation(stride, up))
