"""A kMaX decoder beside a segmentation network: learned cluster centers that gather the voxels they resemble most.

Yu et al., "k-means mask transformer", ECCV 2022, arXiv:2207.04044, in 3D as in Wu, Li & Zhang, "Semi-supervised medical
image segmentation via query distribution consistency", ISBI 2024, arXiv:2311.12364. It reads the decoder maps of any
architecture here. With 3D UX-Net, 1 channel, 2 classes, 32 centers: 60,327,194 parameters.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.functional.clusters import group_log_probabilities
from semivox.networks.architecture import Architecture, Output
from semivox.networks.kmax_layer import KMaXLayer, MaskHead, project
from semivox.networks.statistics import StatisticsKept


class KMaX(Frozen):
    """Options of the kMaX decoder; the defaults are those of the authors' network, with 32 centers."""

    queries: int = Field(32, ge=2)
    """Cluster centers (N)."""
    width: int = Field(256, ge=4)
    """Channels of a center; masks compare half as many."""
    hidden: int = Field(2048, ge=1)
    """Of the feed-forward network of a layer."""
    heads: int = Field(8, ge=1)
    """Of the self-attention among centers; twice their number divides ``width``."""
    levels: tuple[int, ...] = Field((3, 2), min_length=1)
    """Decoder maps that update the centers, in this order; 0 is the finest. Where none is so deep: the deepest."""
    layers: int = Field(2, ge=1)
    """Updates per such map."""
    mask_level: int = Field(0, ge=0)
    """The decoder map that the masks are made of. With 1 or more the decoder ends there, and logits are interpolated:
    cheaper, and not the same."""
    classifier: Literal["joint", "shared"] = "joint"
    """What names the centers' classes: one network for all centers together, or the same for each center alone."""
    groups: tuple[int, ...] | None = None
    """Class -> group of centers; None: background 0, all other classes 1."""
    sizes: tuple[int, ...] | None = None
    """Centers per group; None: half of them for group 0; of two further groups, the first has a quarter of the rest,
    as the authors' organ beside tumor; more of them have equal parts."""
    momentum: float = Field(0.1, gt=0, le=1)
    """Of the running statistics of batch normalization. The authors have 0.01; over a few hundred steps the statistics
    then stay behind the weights, and a network that fits every patch in training predicts nothing."""
    gain: float = Field(0.1, gt=0)
    """Deviation of the mask logits over voxels and centers at first; the authors'. Adam moves it by no more than the
    learning rate a step: at 0.003, masks stay too soft to be assignments for about a thousand steps."""
    recompute: bool = True
    """Whether the masks' large maps are computed again for the backward pass in place of being kept."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} must be divisible by twice the heads, {2 * self.heads}")
        if self.sizes is not None and (sum(self.sizes) != self.queries or min(self.sizes) < 1):
            raise ValueError(f"sizes {self.sizes} must be at least 1 each and add up to {self.queries} queries")
        return self

    def grouping(self, classes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Group of each class, and centers per group. Raises InputError where they do not fit the classes."""
        of_class = (0, *[1] * (classes - 1)) if self.groups is None else self.groups
        number = max(of_class) + 1 if self.sizes is None else len(self.sizes)
        if len(of_class) != classes or min(of_class) < 0 or max(of_class) >= number:
            raise InputError(f"groups {of_class} must name a group, 0 to {number - 1}, for each of {classes} classes")
        if self.sizes is not None:
            return of_class, self.sizes
        if number > self.queries // 2 + 1:
            raise InputError(f"{self.queries} queries are too few for {number} groups; take {2 * number} or more")
        if number == 1:
            return of_class, (self.queries,)
        rest = self.queries - self.queries // 2
        if number == 3:
            first = max(1, round(rest / 4))
            return of_class, (self.queries // 2, first, rest - first)
        each = [rest // (number - 1) + (i < rest % (number - 1)) for i in range(number - 1)]
        return of_class, (self.queries // 2, *each)


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
        self.of_class, self.sizes = options.grouping(classes)
        self.levels = [min(max(level - options.mask_level, 0), len(widths) - 1) for level in options.levels]
        self.queries = nn.Parameter(torch.empty(options.width, options.queries))
        nn.init.trunc_normal_(self.queries, std=1.0)
        read = [level for level in self.levels for _ in range(options.layers)]
        self.reads = read
        self.layers = nn.ModuleList(KMaXLayer(widths[level], options) for level in read)
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
