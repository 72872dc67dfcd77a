"""Networks that judge a prediction, for methods in which one network learns to pass another's judgment.

``PatchDiscriminator`` is that of SASSNet (Li, Zhang & He, MICCAI 2020, arXiv:2007.10732), after the DCGAN of Radford,
Metz & Chintala, arXiv:1511.06434: strided convolutions without normalization. 11,020,290 parameters for one channel,
one map and the authors' width of 64.

``VoxelDiscriminator`` is the one with which SASSNet's authors ran DAP (Zheng et al., MICCAI 2019) in 3D, after Hung et
al., BMVC 2018, arXiv:1802.07934. 2,646,465 parameters for two maps and a width of 64.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from semivox.networks.architecture import Architecture

SMALLEST = 16
"""Edge of a patch, in voxels, that four halvings turn into one voxel; shorter edges are filled up with zeros."""
WIDEST = 64
"""The authors' width, for a V-Net of width 16."""


def width_for(architecture: Architecture) -> int:
    """Four times the segmenter's finest width, 64 at most: the authors' ratio, so that the judge's share of the cost
    is the published one for narrower networks, too."""
    return min(WIDEST, 4 * architecture.widths[0])


class PatchDiscriminator(nn.Module):
    """One judgment a patch: maps (B, M, X, Y, Z) and image (B, C, X, Y, Z) -> logits (B, 2).

    Four convolutions of kernel 4 and stride 2; the first reads maps and image apart and adds what it finds. Global
    average pooling makes it fit any patch; the authors' fixed pooling is the same for theirs.
    """

    def __init__(self, channels: int, maps: int, width: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.on_maps = halving(maps, width)
        self.on_image = halving(channels, width)
        layers: list[nn.Module] = []
        for level in range(3):
            layers += [nn.LeakyReLU(0.2), nn.Dropout3d(dropout), halving(width * 2**level, width * 2 ** (level + 1))]
        self.deeper = nn.Sequential(*layers, nn.LeakyReLU(0.2))
        self.judgment = nn.Linear(8 * width, 2)

    def forward(self, maps: Tensor, image: Tensor) -> Tensor:
        """See the class."""
        both = self.on_maps(at_least(maps, SMALLEST)) + self.on_image(at_least(image, SMALLEST))
        return self.judgment(self.deeper(both).mean((2, 3, 4)))


class VoxelDiscriminator(nn.Module):
    """One judgment a voxel: maps (B, M, X, Y, Z) -> logits (B, X, Y, Z) float32.

    Four convolutions of kernel 4 and stride 2, whose judgments are interpolated linearly, corners on corners.
    """

    def __init__(self, maps: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [halving(maps, width), nn.LeakyReLU(0.2)]
        for level in range(2):
            layers += [halving(width * 2**level, width * 2 ** (level + 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, halving(4 * width, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        x, y, z = maps.shape[2:]
        filled = at_least(maps, SMALLEST)
        coarse = self.layers(filled).float()
        verdict = F.interpolate(coarse, size=filled.shape[2:], mode="trilinear", align_corners=True)
        return verdict[:, 0, :x, :y, :z]


def halving(incoming: int, outgoing: int) -> nn.Conv3d:
    """A convolution after which X, Y, Z are half, rounded down."""
    return nn.Conv3d(incoming, outgoing, 4, stride=2, padding=1)


def at_least(values: Tensor, edge: int) -> Tensor:
    """(B, C, X, Y, Z) with zeros behind each axis that is shorter than ``edge`` voxels."""
    return filled_up(values, [max(0, edge - size) for size in values.shape[2:]])


def filled_up(values: Tensor, missing: Sequence[int]) -> Tensor:
    """(B, C, X, Y, Z) with so many zeros behind each axis."""
    return F.pad(values, [n for m in reversed(missing) for n in (0, m)]) if any(missing) else values
