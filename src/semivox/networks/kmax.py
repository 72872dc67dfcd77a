"""A kMaX decoder beside a segmentation network: learned cluster centers that gather the voxels they resemble most.

Yu et al., "k-means mask transformer", ECCV 2022, arXiv:2207.04044, in 3D as in Wu, Li & Zhang, "Semi-supervised medical
image segmentation via query distribution consistency", ISBI 2024, arXiv:2311.12364. It reads the decoder maps of any
architecture here. With 3D UX-Net, 1 channel, 2 classes, 32 centers: 60,327,194 parameters.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from semivox.functional.clusters import group_log_probabilities
from semivox.networks.architecture import Architecture, Output
from semivox.networks.kmax_layer import KMaXLayer, MaskHead, project
from semivox.networks.kmax_options import KMaX
from semivox.networks.statistics import StatisticsKept


class Clustered(NamedTuple):
    """What the centers say of a batch of patches."""

    logits: Tensor
    """(B, K, X, Y, Z) of the map that the masks are made of: a mix of the centers' classes."""
    groups: Tensor
    """(B, G, X, Y, Z): ln of the probability of each group of centers, on the same map."""
    updates: tuple[Tensor, ...]
    """The same of the assignments of each update, in their order, on their own maps."""


class KMaXDecoder(nn.Module):
    """Decoder maps, finest first -> Clustered."""

    def __init__(self, widths: tuple[int, ...], classes: int, options: KMaX) -> None:
        """``widths`` of the maps, finest first. Raises InputError where groups do not fit the classes."""
        super().__init__()
        self.options = options
        _, self.sizes = options.grouping(classes)
        self.queries = nn.Parameter(torch.empty(options.width, options.queries))
        nn.init.trunc_normal_(self.queries, std=1.0)
        levels = [min(max(level - options.mask_level, 0), len(widths) - 1) for level in options.levels]
        self.reads = [level for level in levels for _ in range(options.layers)]
        self.layers = nn.ModuleList(KMaXLayer(widths[level], options) for level in self.reads)
        self.embed = project(1, options.width, options.width, options)
        self.mask = MaskHead(widths[0], options)
        self.classifier = _classifier(classes, options)

    def forward(self, scales: tuple[Tensor, ...]) -> Clustered:
        """See the class."""
        centers = self.queries.expand(len(scales[0]), -1, -1)  # (B, C, N)
        updates = []
        for level, layer in zip(self.reads, self.layers, strict=True):
            centers, assignment = layer(scales[level], centers)
            updates.append(group_log_probabilities(assignment, self.sizes))
        named = self.classifier(centers)  # (B, N, K)
        given = (scales[0], F.gelu(self.embed(centers)), named)
        if self.options.recompute and torch.is_grad_enabled() and self.training:
            logits, groups = checkpoint(
                self._masks,
                *given,
                use_reentrant=False,
                preserve_rng_state=False,
                context_fn=lambda: (nullcontext(), StatisticsKept(self.mask)),
            )
        else:
            logits, groups = self._masks(*given)
        return Clustered(logits, groups, tuple(updates))

    def _masks(self, pixels: Tensor, centers: Tensor, named: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, K, X, Y, Z) and the groups' log-probabilities (B, G, X, Y, Z)."""
        assignment = self.mask(pixels, centers)  # (B, N, X, Y, Z)
        with torch.autocast(pixels.device.type, enabled=False):
            share = assignment.softmax(1).flatten(2)  # (B, N, V)
            logits = named.float().transpose(1, 2) @ share  # (B, K, V)
            groups = group_log_probabilities(assignment, self.sizes)
        return logits.unflatten(2, assignment.shape[2:]), groups


class KMaXSegmenter(nn.Module):
    """An architecture's encoder and decoder, read by a kMaX decoder in place of heads: image -> Output.

    Output.extra holds log-probabilities of the groups of centers, (B, G, ...): ``groups`` of the masks, and
    ``update 0``, ``update 1``, ... of the updates of the centers. As heads do, masks stand behind the
    architecture's head dropout; 3D UX-Net has none.
    """

    def __init__(self, architecture: Architecture, channels: int, classes: int, options: KMaX) -> None:
        super().__init__()
        self.skipped = min(options.mask_level, len(architecture.strides) - 1)
        options = options.model_copy(update={"mask_level": self.skipped})
        rest = architecture.ending_at(self.skipped)
        self.encoder = architecture.encoder(channels)
        self.decoder = rest.decoder()
        self.clusters = KMaXDecoder(rest.widths, classes, options)
        self.dropout = nn.Dropout3d(architecture.head_dropout)

    def forward(self, image: Tensor) -> Output:
        """(B, C, X, Y, Z) -> Output."""
        features = self.encoder(image)
        scales = self.decoder(features[self.skipped :])
        found = self.clusters((self.dropout(scales[0]), *scales[1:]))
        logits = found.logits
        if self.skipped:
            logits = F.interpolate(logits, size=image.shape[2:], mode="trilinear", align_corners=False)
        extra = {"groups": found.groups} | {f"update {i}": update for i, update in enumerate(found.updates)}
        return Output(logits, scales[0], features, scales, extra)


def _classifier(classes: int, options: KMaX) -> nn.Module:
    """Centers (B, C, N) -> their classes (B, N, K), through 64 hidden values as in the authors' code."""
    if options.classifier == "shared":
        return SharedClassifier(classes, options.width)
    number = options.queries
    layers = [nn.Flatten(), nn.Linear(options.width * number, 64), nn.ReLU(), nn.Linear(64, number * classes)]
    return nn.Sequential(*layers, nn.Unflatten(1, (number, classes)))


class SharedClassifier(nn.Sequential):
    """Each center's classes from itself alone: (B, C, N) -> (B, N, K)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, centers: Tensor) -> Tensor:
        """See the class."""
        return super().forward(centers.transpose(1, 2))
