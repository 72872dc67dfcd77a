"""Reference embeddings of embedding matching: voxels of labeled patches near a surface, some drawn for each run.

Xie et al., "Semi-supervised segmentation via embedding matching", MIDL 2024, arXiv:2407.04638.

Legend: L labeled patches, E embedding channels, N candidates, K classes, l runs of k references each. Embeddings are
(L, E, X, Y, Z), labels (L, X, Y, Z), depths (L, X, Y, Z) in mm as ``surface_depth`` gives them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Near = Literal["uniform", "nearest", "weighted"]
"""Which voxels near a surface are references: any of a band, the nearest ones, or near ones more often."""


class Drawing(NamedTuple):
    """How references are drawn."""

    per_run: int
    runs: int
    band: float
    """mm."""
    near: Near = "uniform"


def references_of(embedding: Tensor, label: Tensor, depth: Tensor, classes: int, how: Drawing) -> list[Tensor | None]:
    """(l, k, E) for each class; None for a class that no patch shows near a surface."""
    odds: list[Tensor | None] = [None] * classes
    match how.near:
        case "uniform":
            found = band_references(embedding, label, depth, how.band, classes)
        case "nearest":
            found = near_references(embedding, label, depth, classes, how.per_run * how.runs)
        case "weighted":
            found = near_references(embedding, label, depth, classes)
            odds = [*reference_odds(label, depth, how.band, classes)]
    return [
        draw_references(rows, how.per_run, how.runs, likely) if len(rows) else None
        for rows, likely in zip(found, odds, strict=True)
    ]


def band_references(embedding: Tensor, label: Tensor, depth: Tensor, band: float, classes: int) -> list[Tensor]:
    """Candidates for references, per class: the embeddings (N, E) of voxels within ``band`` mm of their surface.

    Where voxels are so large that none is, those nearest to a surface of all are taken.
    ``embedding`` (L, E, X, Y, Z), ``label`` (L, X, Y, Z), ``depth`` (L, X, Y, Z) in mm as ``surface_depth`` gives it.
    """
    by_voxel = embedding.movedim(1, -1)  # (L, X, Y, Z, E)
    near = (depth <= depth.amin().clamp_min(band)) & depth.isfinite()
    return [by_voxel[near & (label == index)] for index in range(classes)]


def reference_odds(label: Tensor, depth: Tensor, scale: float, classes: int) -> list[Tensor]:
    """How likely each voxel of a class is drawn: the masks of ``near_references``, weighed exp(-depth / ``scale``)."""
    return [(-depth[(label == index) & depth.isfinite()] / scale).exp() for index in range(classes)]


def near_references(
    embedding: Tensor, label: Tensor, depth: Tensor, classes: int, most: int | None = None
) -> list[Tensor]:
    """Candidates per class, whatever their depth: all (N, E) with a finite one, or the ``most`` that are the nearest to
    a surface, from the nearest on. Shapes as of ``band_references``."""
    by_voxel = embedding.movedim(1, -1)
    found = []
    for index in range(classes):
        inside = (label == index) & depth.isfinite()
        rows = by_voxel[inside]
        if most is not None:
            rows = rows[depth[inside].argsort(stable=True)[:most]]
        found.append(rows)
    return found


def draw_references(embeddings: Tensor, per_run: int, runs: int, odds: Tensor | None = None) -> Tensor:
    """(N, E) candidates -> (l, k, E): uniform draws, or with ``odds`` (N,); without replacement in a run if N >= k."""
    number = len(embeddings)
    if odds is not None:
        picks = torch.multinomial(odds.expand(runs, number), per_run, replacement=number < per_run)
    elif number >= per_run:
        picks = torch.stack([torch.randperm(number, device=embeddings.device)[:per_run] for _ in range(runs)])
    else:
        picks = torch.randint(number, (runs, per_run), device=embeddings.device)
    return embeddings[picks]
