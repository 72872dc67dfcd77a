"""One update of the cluster centers, and the head that says which voxel belongs to which center.

Legend: B patches, N centers, C their channels, V voxels of a decoder map. Pixels are (B, ., X, Y, Z), centers
(B, C, N). Layers and initial weights are those of the authors of kMaX-DeepLab, arXiv:2207.04044, in 3D.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semivox.functional.clusters import assigned_sums
from semivox.networks.kmax_options import KMaX

CONVOLUTIONS = {1: nn.Conv1d, 3: nn.Conv3d}
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
Axes = Literal[1, 2, 3]


def batch_norm(axes: Axes, channels: int, options: KMaX, gain: float = 1.0) -> nn.Module:
    """Batch normalization of (B, channels, axes...) whose gain starts at ``gain``."""
    norm = NORMS[axes](channels, eps=1e-3, momentum=options.momentum)
    nn.init.constant_(norm.weight, gain)
    return norm


def project(axes: Literal[1, 3], incoming: int, outgoing: int, options: KMaX, gain: float = 1.0) -> nn.Sequential:
    """Mix the channels and normalize: (B, incoming, axes...) -> (B, outgoing, axes...)."""
    mix = CONVOLUTIONS[axes](incoming, outgoing, 1, bias=False)
    nn.init.trunc_normal_(mix.weight, std=math.sqrt(2 / incoming))
    return nn.Sequential(mix, batch_norm(axes, outgoing, options, gain))


def _narrow(projection: nn.Sequential) -> None:
    """Initial weights of values and of self-attention: deviation 1 / sqrt(channels)."""
    weight = next(projection.parameters())
    nn.init.trunc_normal_(weight, std=weight.shape[1] ** -0.5)


class MaskHead(nn.Module):
    """How much each voxel looks like each center: pixels (B, F, X, Y, Z), centers (B, C, N) -> logits (B, N, X, Y, Z).

    Cosine-like products of C / 2 channels, normalized by one mean and one deviation over all voxels and centers.
    """

    def __init__(self, pixels: int, options: KMaX) -> None:
        super().__init__()
        width, key = options.width, options.width // 2
        self.neighborhood = nn.Conv3d(pixels, pixels, 5, padding=2, groups=pixels, bias=False)
        nn.init.xavier_uniform_(self.neighborhood.weight)
        self.norm = batch_norm(3, pixels, options)
        self.spread = project(3, pixels, width, options)
        last = nn.Conv3d(width, key, 1, bias=False)
        nn.init.trunc_normal_(last.weight, std=0.01)
        last.bias = nn.Parameter(torch.zeros(key))  # the authors have it, though normalization undoes it
        self.key = nn.Sequential(last, batch_norm(3, key, options))
        self.query = project(1, width, key, options)
        self.scale = batch_norm(1, 1, options, options.gain)

    def forward(self, pixels: Tensor, centers: Tensor) -> Tensor:
        """See the class; float32, also under autocast."""
        pixels = F.gelu(self.norm(self.neighborhood(pixels)))
        keys = self.key(F.gelu(self.spread(pixels)))  # (B, C / 2, X, Y, Z)
        queries = self.query(centers)  # (B, C / 2, N)
        with torch.autocast(pixels.device.type, enabled=False):
            directions = F.normalize(keys.float().flatten(2), dim=1)  # (B, C / 2, V)
            products = queries.float().transpose(1, 2) @ directions  # (B, N, V)
            logits = self.scale(products.flatten(1).unsqueeze(1))  # (B, 1, N V)
        return logits.reshape(*products.shape[:2], *pixels.shape[2:])


class SelfAttention(nn.Module):
    """What the centers tell one another: (B, C, N) -> (B, C, N). Adds nothing at first: its last gain starts at 0."""

    def __init__(self, options: KMaX) -> None:
        super().__init__()
        width = options.width
        self.heads = options.heads
        self.read = project(1, width, 2 * width, options)
        _narrow(self.read)
        self.similar = batch_norm(2, options.heads, options)  # in place of a division by the root of the dimension
        self.norm = batch_norm(1, width, options)
        self.write = project(1, width, width, options, gain=0.0)

    def forward(self, centers: Tensor) -> Tensor:
        """See the class."""
        width = centers.shape[1]
        parts = self.read(centers).split([width // 2, width // 2, width], dim=1)
        query, key, value = (part.unflatten(1, (self.heads, -1)) for part in parts)  # (B, heads, ., N)
        weights = self.similar(query.transpose(2, 3) @ key).float().softmax(3)  # (B, heads, N, N)
        told = value @ weights.transpose(2, 3).to(value.dtype)  # (B, heads, ., N)
        return self.write(F.gelu(self.norm(told.flatten(1, 2))))


class KMaXLayer(nn.Module):
    """Centers take up the sum of the voxels assigned to them, listen to one another, and pass a feed-forward network.

    Pixels (B, F, X, Y, Z), centers (B, C, N) -> new centers and the logits (B, N, X, Y, Z) of the assignment. The
    assignment is hard, so no gradient reaches the logits from the centers: they learn from a loss of their own, or not
    at all. All three branches have a last gain of 0 at first: a fresh layer maps centers to GELU(GELU(centers)).
    """

    def __init__(self, pixels: int, options: KMaX) -> None:
        super().__init__()
        width = options.width
        self.pixel = project(3, pixels, width, options)
        self.center = project(1, width, width, options)
        self.value = project(3, width, width, options)
        _narrow(self.value)
        self.mask = MaskHead(width, options)
        self.gathered = batch_norm(1, width, options)  # sums of voxels, whose scale depends on the patch
        self.update = project(1, width, width, options, gain=0.0)
        self.attention = SelfAttention(options)
        self.spread = project(1, width, options.hidden, options)
        self.gather = project(1, options.hidden, width, options, gain=0.0)

    def forward(self, pixels: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        pixels = F.gelu(self.pixel(F.gelu(pixels)))  # (B, C, X, Y, Z)
        start = F.gelu(self.center(centers))  # (B, C, N)
        logits = self.mask(pixels, start)
        sums = assigned_sums(self.value(pixels).flatten(2), logits.flatten(2))  # (B, C, N)
        told = self.attention(start)
        centers = F.gelu(centers + self.update(self.gathered(sums)) + told)
        return F.gelu(centers + self.gather(F.gelu(self.spread(centers)))), logits
