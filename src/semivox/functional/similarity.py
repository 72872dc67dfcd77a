"""Embedding matching: to which class's reference embeddings is a voxel's embedding most similar?

Xie et al., "Semi-supervised segmentation via embedding matching", MIDL 2024, arXiv:2407.04638.

Legend: B patches, E embedding channels, V voxels (any spatial shape), K classes, l runs of k references each.
Everything is float32: autocast must be off around these functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from semivox.functional.classes import most_probable

Kernel = Literal["cosine", "euclidean"]
Reduction = Literal["mean", "max"]
SMALLEST_NORM = 1e-8  # a voxel whose ReLU channels are all dead has no direction; its cosine is 0, not NaN
CHUNK = 1 << 15  # voxels whose distances to all references are held at once


def similarity(embedding: Tensor, references: Tensor, kernel: Kernel = "cosine", reduce: Reduction = "mean") -> Tensor:
    """(B, E, ...) and (l, k, E) -> (B, ...): similarity to the references, reduced over k, averaged over the l runs."""
    if reduce == "mean" and kernel == "cosine":
        return _mean_cosine(embedding, references)
    by_voxel = embedding.movedim(1, -1)  # (B, ..., E)
    flat = by_voxel.reshape(-1, by_voxel.shape[-1])  # (B V, E)
    form = _cosine_to_all if kernel == "cosine" else _euclidean_to_all
    parts = [form(chunk, references, reduce) for chunk in flat.split(CHUNK)]
    return torch.cat(parts).reshape(by_voxel.shape[:-1])


def class_similarities(
    embedding: Tensor, references: Sequence[Tensor | None], kernel: Kernel = "cosine", reduce: Reduction = "mean"
) -> Tensor:
    """(B, E, ...) and K times (l, k, E) -> (B, K, ...). A class without references gets -inf: no vote."""
    with torch.autocast(embedding.device.type, enabled=False):
        embedding = embedding.float()
        absent = embedding.new_full((), -math.inf).expand(embedding.shape[:1] + embedding.shape[2:])
        maps = [absent if r is None else similarity(embedding, r.float(), kernel, reduce) for r in references]
        return torch.stack(maps, dim=1)


def vote(similarities: Tensor) -> Tensor:
    """(B, K, ...) -> (B, ...) class indices of the most similar class; a tie goes to the lowest index."""
    return most_probable(similarities)


def vote_entropy(similarities: Tensor) -> Tensor:
    """(B, K, ...) -> (B, ...): entropy of softmax over classes, as ``logsumexp(S) - sum p S``.

    No logarithm of a probability is taken. For two classes this is ``softplus(D) - D sigmoid(D)`` with D = S1 - S0.
    0 where every class is absent.
    """
    absent = similarities.isneginf()
    nothing = absent.all(1)  # (B, ...); a softmax over nothing but -inf would be NaN, which no mask removes
    some = similarities.masked_fill(nothing.unsqueeze(1), 0.0)
    finite = similarities.masked_fill(absent, 0.0)  # an absent class has probability 0
    return (some.logsumexp(1) - (some.softmax(1) * finite).sum(1)).masked_fill(nothing, 0.0)


def _mean_cosine(embedding: Tensor, references: Tensor) -> Tensor:
    """The average over all references of a cosine is one dot product with the mean of the normalized references.

    That mean is not normalized again: doing so would weigh the classes differently. With the mean, the l runs of k
    pool exactly. O(V E) in place of O(V l k E).
    """
    norms = references.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM)
    direction = (references / norms).flatten(0, 1).mean(0)  # (E,)
    dot = torch.einsum("be...,e->b...", embedding, direction)
    return dot / embedding.norm(dim=1).clamp_min(SMALLEST_NORM)


def _cosine_to_all(voxels: Tensor, references: Tensor, reduce: Reduction) -> Tensor:
    """(V, E) and (l, k, E) -> (V,)."""
    runs, per_run, _ = references.shape
    directions = references / references.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM)
    cosines = voxels @ directions.flatten(0, 1).T  # (V, l k)
    cosines = cosines / voxels.norm(dim=1, keepdim=True).clamp_min(SMALLEST_NORM)
    return _reduced(cosines.unflatten(1, (runs, per_run)), reduce)


def _euclidean_to_all(voxels: Tensor, references: Tensor, reduce: Reduction) -> Tensor:
    """(V, E) and (l, k, E) -> (V,): 1 / (1 + distance). For ``max`` only the nearest reference of a run is needed."""
    runs, per_run, _ = references.shape
    points = references.flatten(0, 1)
    squared = voxels.square().sum(1, keepdim=True) + points.square().sum(1) - 2 * voxels @ points.T  # (V, l k)
    # the clamp keeps rounding from a negative number under the root, and the root's gradient finite at 0
    squared = squared.clamp_min(1e-12).unflatten(1, (runs, per_run))
    if reduce == "max":
        return (1 / (1 + squared.amin(2).sqrt())).mean(1)
    return _reduced(1 / (1 + squared.sqrt()), reduce)


def _reduced(by_run: Tensor, reduce: Reduction) -> Tensor:
    """(V, l, k) -> (V,): mean or maximum over k, then mean over l. Runs do not pool under ``max``."""
    over_references = by_run.mean(2) if reduce == "mean" else by_run.amax(2)
    return over_references.mean(1)
