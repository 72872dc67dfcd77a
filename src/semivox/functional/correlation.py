"""Omni-correlation: two views of a voxel should resemble the same remembered voxels, in the same proportions.

Gao et al., MICCAI 2023, arXiv:2307.06312. Everything is float32: autocast must be off around these functions.

Legend: N voxels as rows, E embedding channels, K classes, M remembered vectors of each class, V voxels of a patch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SMALLEST_SHARE = 1e-8
"""The authors' code adds this to a share before its logarithm, so that a voxel's loss ends at 18.42."""


def similarity_shares(rows: Tensor, bank: Tensor, present: Tensor, temperature: float, normalize: bool) -> Tensor:
    """(N, E), (K, M, E), (K, M) -> (N, K M): softmax over dot products (or cosines) with all vectors that are present.

    Without any vector present the shares mean nothing, but are finite.
    """
    references = bank.flatten(0, 1)  # (K M, E)
    if normalize:
        rows, references = F.normalize(rows, dim=1), F.normalize(references, dim=1)
    absent = (~present & present.any()).flatten()  # (K M,)
    return (rows @ references.T / temperature).masked_fill(absent, -torch.inf).softmax(1)


def share_cross_entropy(shares: Tensor, target: Tensor) -> Tensor:
    """(N, M) twice -> (N,): cross-entropy of the shares against the target's; neither is detached."""
    return -(target * (shares + SMALLEST_SHARE).log()).sum(1)


def most_confident(probabilities: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """(N, K) -> indices (K n,) of the ``number`` surest rows of each predicted class, and which of them count.

    n is ``number``, or N where there are fewer rows. A class that is predicted less often fills up with rows that do
    not count.
    """
    confidence, classes = probabilities.max(1)
    there = classes == torch.arange(probabilities.shape[1], device=classes.device)[:, None]  # (K, N)
    best = torch.where(there, confidence, -1.0).topk(min(number, len(confidence)))
    return best.indices.flatten(), best.values.flatten() > 0


def sample_places(label: Tensor, mask: Tensor, classes: int, number: int) -> tuple[Tensor, Tensor]:
    """(L, X, Y, Z) twice -> places (L, K, S) in the flattened patch and counts (L, K).

    A uniform sample, in random order, of the voxels of each class inside the mask, and how many such voxels there are;
    only the first min(S, count) places of a row count. S is ``number``; padded with place 0 in smaller patches.
    """
    key = torch.rand(label.shape, device=label.device).flatten(1)  # (L, V)
    label, mask = label.flatten(1), mask.flatten(1)
    places, counts = [], []
    for index in range(classes):
        there = mask & (label == index)
        first = key.masked_fill(~there, 2.0).topk(min(number, key.shape[1]), largest=False).indices
        places.append(F.pad(first, (0, number - first.shape[1])))
        counts.append(there.sum(1))
    return torch.stack(places, 1), torch.stack(counts, 1)
