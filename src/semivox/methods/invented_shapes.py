"""Invented shapes: voxels of one shape should look alike however it is painted; other methods start from the weights.

Dey et al., "Learning General-Purpose Biomedical Volume Representations using Randomized Synthesis" (anatomix), ICLR
2025, arXiv:2411.02372. Each step invents label maps, paints every map twice, and compares voxels of both paints on
several decoder maps: those of one label should have one direction. Beside it: is this voxel at a boundary? No scan is
used, so the weights carry nobody's data.

Departures: shapes are highest places of smooth random fields, theirs are masks of organs; painted by SynthSeg's kind of
chance (``functional.invented``); thousands of steps of our optimizer; the boundary loss is ours.

It segments nothing: it is no method of its own, but ``semivox pretrain --invented``, and ``--start`` of what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.geometry import Shape
from semivox.core.progress import Progress
from semivox.functional.invented import Paint, Shapes, boundaries, label_map, painted
from semivox.functional.label_contrast import drawn_evenly, label_contrast
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.segmenter import Reading


class InventedShapesConfig(MethodConfig):
    """Numbers of the pretraining on invented shapes."""

    shapes: Shapes = Shapes()
    """What the label maps are like."""
    paint: Paint = Paint()
    """How they are painted."""
    smallest: float = Field(0.6, gt=0, le=1)
    """Edges of a step's patches lie between this part of the plan's and the whole, so that the network knows small
    patches and large ones; of smaller ones there are more."""
    shallower: float = Field(0.5, ge=0, le=1)
    """Chance that the decoder reads without the deepest level, as in plans for small scans, whose networks lack it."""
    temperature: float = Field(0.2, ge=0.01, le=10)
    """Of the contrast; between 0.1 and 0.3 in the literature."""
    projection: int = Field(16, ge=2, le=1024)
    """Numbers in which voxels are compared."""
    levels: int = Field(3, ge=1, le=8)
    """Decoder maps on which they are, from the finest on, or as many as there are."""
    anchors: int = Field(128, ge=2, le=4096)
    """Voxels of a label map that are compared in both paints, each label as often."""
    contrast_weight: float = Field(1.0, ge=0)
    """Of the contrast, the mean over the decoder maps."""
    boundary_weight: float = Field(1.0, ge=0)
    """Of the cross-entropy that tells boundaries."""


class InventedShapes(Method):
    """Contrast between two paints, and boundaries."""

    Config = InventedShapesConfig
    config: InventedShapesConfig
    segments = False
    uses_scans = False
    uses_unlabeled = False

    def __init__(self, config: InventedShapesConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        directions = replace(blueprint, classes=config.projection)
        deep = min(config.levels, len(blueprint.architecture.widths)) - 1
        self.network = directions.segmenter({"boundary": 1}, deep=deep)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on patches that are invented here; of the batch only its size is asked."""
        labels, image = self.invented(batch)
        output = self.network(image, read=self._read())
        maps = [output.logits, *output.deep]
        boundary = output.extra["boundary"].float().squeeze(1)  # (2N, X, Y, Z)
        at_boundary = boundaries(labels).float().repeat(2, 1, 1, 1)

        yield Losses(
            {
                "contrast": torch.stack([self._contrast(one, labels) for one in maps]).mean(),
                "boundary": F.binary_cross_entropy_with_logits(boundary, at_boundary),
            },
            {"contrast": self.config.contrast_weight, "boundary": self.config.boundary_weight},
        )

    @torch.no_grad()
    def invented(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """-> N label maps (N, X, Y, Z), and their two paints (2N, C, X, Y, Z), the first ones before the second.

        Drawn by torch's own generator, which the loop seeds by step and process. About as many voxels as the batch has.
        """
        multiples = [prod(stride[axis] for stride in self.blueprint.architecture.strides) for axis in range(3)]
        voxels, (x, y, z) = batch.image[:, 0].numel(), batch.image.shape[2:]
        random = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        shape = drawn_shape((x, y, z), multiples, self.config.smallest, random)
        number = max(1, round(voxels / 2 / prod(shape)))
        maps = [label_map(shape, self.config.shapes, random) for _ in range(number)]
        paints = [
            torch.stack([painted(one, self.config.paint, random) for _ in range(self.blueprint.channels)])
            for _ in range(2)
            for one in maps
        ]
        image = torch.stack(paints).to(batch.image.device)
        if batch.image.is_contiguous(memory_format=torch.channels_last_3d) and not batch.image.is_contiguous():
            image = image.contiguous(memory_format=torch.channels_last_3d)
        return torch.stack(maps).to(image.device), image

    def _read(self) -> Reading | None:
        """What the decoder reads of the encoder's features."""
        possible = len(self.blueprint.architecture.strides) > 1
        return without_deepest if possible and float(torch.rand(())) < self.config.shallower else None

    def _contrast(self, directions: Tensor, labels: Tensor) -> Tensor:
        """(2N, D, x, y, z) of a decoder map, and (N, X, Y, Z) -> scalar."""
        number = len(labels)
        there = F.interpolate(labels.unsqueeze(1).float(), directions.shape[2:], mode="nearest-exact").long().flatten(1)
        places = drawn_evenly(there, self.config.anchors)  # (N, n)
        both = directions.flatten(2).unflatten(0, (2, number))  # (2, N, D, v)
        index = places.unsqueeze(1).expand(-1, both.shape[2], -1)
        rows = torch.cat([view.gather(2, index) for view in both], 2).transpose(1, 2)  # (N, 2n, D)
        return label_contrast(rows, there.gather(1, places).repeat(1, 2), self.config.temperature)

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> equal probabilities (B, K, X, Y, Z): no class was learned."""
        classes = self.blueprint.classes
        return torch.full((len(image), classes, *image.shape[2:]), 1 / classes, device=image.device)


def without_deepest(features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Features of an encoder, finest first -> those that an encoder of one level less has."""
    return features[:-1]


def drawn_shape(patch: Shape, multiples: Sequence[int], smallest: float, random: torch.Generator) -> Shape:
    """A patch whose edges are multiples, at least the smallest part of the given one's, and at most these."""
    edges = []
    for size, multiple in zip(patch, multiples, strict=True):
        most = max(1, size // multiple)
        least = min(most, max(1, -int(-smallest * size // multiple)))
        edges.append(multiple * int(torch.randint(least, most + 1, (), generator=random)))
    x, y, z = edges
    return x, y, z
