"""What networks are built from: convolution units, normalization, up-sampling.

Shapes are (B, C, X, Y, Z) throughout.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from semivox.core.geometry import Shape
from semivox.networks.convolution import Conv3d

Norm = Literal["batch", "instance", "instance_plain", "group", "none"]
"""``instance`` has weights of its own, ``instance_plain`` none."""
Upsampling = Literal["transposed", "trilinear", "nearest"]
DropoutOf = Literal["element", "channel"]


def normalization(norm: Norm, channels: int) -> nn.Module:
    """A normalization layer for (B, channels, X, Y, Z); groups of one channel or more, 16 at most."""
    match norm:
        case "batch":
            return nn.BatchNorm3d(channels)
        case "instance":
            return nn.InstanceNorm3d(channels, affine=True)
        case "instance_plain":
            return nn.InstanceNorm3d(channels)
        case "group":
            return nn.GroupNorm(math.gcd(16, channels), channels)
        case "none":
            return nn.Identity()


def unit(
    incoming: int, outgoing: int, norm: Norm, dropout: float = 0.0, dropout_of: DropoutOf = "element"
) -> nn.Sequential:
    """3x3x3 convolution, normalization, ReLU, and dropout (of elements or channels) if there is any. Keeps X, Y, Z."""
    layers = [Conv3d(incoming, outgoing, 3, padding=1), normalization(norm, outgoing), nn.ReLU(inplace=True)]
    if dropout:
        layers.append(nn.Dropout(dropout) if dropout_of == "element" else nn.Dropout3d(dropout))
    return nn.Sequential(*layers)


def units(number: int, incoming: int, outgoing: int, norm: Norm) -> nn.Sequential:
    """A chain of ``number`` convolution units."""
    return nn.Sequential(*[unit(incoming if i == 0 else outgoing, outgoing, norm) for i in range(number)])


def downsampling(incoming: int, outgoing: int, stride: Shape, norm: Norm) -> nn.Sequential:
    """A strided convolution whose kernel is its stride, normalization, ReLU: X, Y, Z shrink by ``stride``."""
    conv = nn.Conv3d(incoming, outgoing, stride, stride=stride)
    return nn.Sequential(conv, normalization(norm, outgoing), nn.ReLU(inplace=True))


def upsampling(incoming: int, outgoing: int, stride: Shape, norm: Norm, kind: Upsampling) -> nn.Sequential:
    """X, Y, Z grow by ``stride``: a transposed convolution, or interpolation and a 3x3x3 convolution."""
    if kind == "transposed":
        grow: list[nn.Module] = [nn.ConvTranspose3d(incoming, outgoing, stride, stride=stride)]
    else:
        grow = [interpolation(stride, kind), Conv3d(incoming, outgoing, 3, padding=1)]
    return nn.Sequential(*grow, normalization(norm, outgoing), nn.ReLU(inplace=True))


def interpolation(
    stride: Shape, kind: Literal["trilinear", "nearest"], corners: Literal["kept", "outer"] = "kept"
) -> nn.Upsample:
    """X, Y, Z grow by ``stride`` without weights. Trilinear: the first and last voxels keep their values.

    That alignment of corners is the one of MC-Net's second decoder (Wu et al., MICCAI 2021, arXiv:2103.02911).
    ``outer``: the outer faces of the patch stay where they are instead, PyTorch's default.
    """
    aligned = corners == "kept" if kind == "trilinear" else None
    return nn.Upsample(scale_factor=tuple(float(s) for s in stride), mode=kind, align_corners=aligned)


def check_divisible(image: Tensor, strides: tuple[Shape, ...]) -> None:
    """Raise ValueError naming a patch that would work, if X, Y, Z of ``image`` cannot be halved as often as needed."""
    divisor = [math.prod(axis) for axis in zip(*strides, strict=True)]
    size = tuple(image.shape[2:])
    if any(s % d for s, d in zip(size, divisor, strict=True)):
        fit = tuple(-(-s // d) * d for s, d in zip(size, divisor, strict=True))
        raise ValueError(f"patch {size} is not divisible by {tuple(divisor)}; {fit} would be")


class PooledEncoder(nn.Module):
    """(B, C, X, Y, Z) -> one feature map a level, finest first: a block, then pooling and a block for each level.

    Subclasses append one block more than there are strides to ``blocks``.
    """

    def __init__(self, strides: tuple[Shape, ...]) -> None:
        super().__init__()
        self.strides = strides
        self.blocks = nn.ModuleList()
        self.pools = nn.ModuleList(nn.MaxPool3d(stride, stride) for stride in strides)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class. Raises InputError for a patch that the strides do not divide."""
        check_divisible(image, self.strides)
        features = [self.blocks[0](image)]
        for pool, block in zip(self.pools, list(self.blocks)[1:], strict=True):
            features.append(block(pool(features[-1])))
        return tuple(features)


@torch.no_grad()
def kaiming(module: nn.Module) -> None:
    """Kaiming normal weights for ReLU (fan-in), zero biases: He et al., ICCV 2015, arXiv:1502.01852."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.ConvTranspose3d):
            # Non-overlapping transposed kernels: each output voxel sums over input channels only.
            nn.init.normal_(layer.weight, std=math.sqrt(2.0 / layer.in_channels))
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
