"""The confidence network of ASDNet: how credible a prediction is, voxel by voxel.

Nie et al., MICCAI 2018, DOI 10.1007/978-3-030-00937-3_43, in the form of the released code for small patches: strided
convolutions down, transposed ones up. 5,507,937 parameters for two classes and the authors' width of 32.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from semivox.networks.architecture import Architecture
from semivox.networks.convolution import Conv3d
from semivox.networks.discriminator import filled_up, halving

LEVELS = 3
"""Halvings; patches that cannot be halved so often are filled up with zeros."""
WIDEST = 32
"""The authors' width."""


def width_for(architecture: Architecture) -> int:
    """The segmenter's finest width, 32 at most: it works at full resolution, and four times that would cost more than
    the segmenter."""
    return min(WIDEST, architecture.widths[0])


class ConfidenceNetwork(nn.Module):
    """One judgment a voxel: maps (B, M, X, Y, Z) -> logits (B, X, Y, Z) float32.

    A convolution at full resolution and three that halve it, each with a leaky ReLU; then up again, each level added to
    its counterpart. Each up-sampling reads the one before it: in the released code the coarse levels lead nowhere.
    """

    def __init__(self, maps: int, width: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS + 1)]
        self.first = Conv3d(maps, width, 3, padding=1)
        self.down = nn.ModuleList(halving(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(doubling(coarse, fine) for fine, coarse in pairwise(widths))
        self.judgment = nn.Conv3d(width, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.xavier_uniform_(module.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        x, y, z = maps.shape[2:]
        values = filled_up(maps, [-size % 2**LEVELS for size in (x, y, z)])
        features = [F.leaky_relu(self.first(values), 0.2)]
        for down in self.down:
            features.append(F.leaky_relu(down(features[-1]), 0.2))
        values = features[-1]
        for level in reversed(range(LEVELS)):
            values = F.relu(self.up[level](values) + features[level])
        return self.judgment(values).float()[:, 0, :x, :y, :z]


def doubling(incoming: int, outgoing: int) -> nn.Sequential:
    """A transposed convolution after which X, Y, Z are double, batch normalization, ReLU."""
    grow = nn.ConvTranspose3d(incoming, outgoing, 4, stride=2, padding=1)
    return nn.Sequential(grow, nn.BatchNorm3d(outgoing), nn.ReLU(inplace=True))
