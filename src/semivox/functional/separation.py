"""Separation of classes: voxels of a class should resemble the prototypes of that class.

Alonso et al., ICCV 2021, arXiv:2104.13415; on scans Wu et al., MICCAI 2022, arXiv:2203.01324. Everything is float32:
autocast must be off around these functions.

Legend: M voxels of one class as rows, E channels, P prototypes of that class.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Order = Literal["lowest", "highest"]

SMALLEST_NORM = 1e-8  # a row of zeros has no direction; its cosine is 0, not NaN
SMALLEST_WEIGHT = 1e-12  # where all scores vanish


def separation(rows: Tensor, scores: Tensor, prototypes: Tensor, count: Tensor) -> Tensor:
    """(M, E), (M,), (P, E) of which ``count`` are there -> scalar: mean of w_i (1 - cosine of row i and prototype j).

    Over all pairs; w_i = M s_i / sum of s. The mean over j is one dot product with the mean of the normalized
    prototypes: no (M, P) matrix is needed. 0 with fewer than two rows or two prototypes.
    """
    there = torch.arange(len(prototypes), device=count.device) < count  # (P,)
    directions = F.normalize(prototypes, dim=1, eps=SMALLEST_NORM) * there.unsqueeze(1)
    mean = directions.sum(0) / count.clamp_min(1)  # (E,)
    distance = 1 - rows @ mean / rows.norm(dim=1).clamp_min(SMALLEST_NORM)  # (M,)
    weighted = (scores * distance).sum() / scores.sum().clamp_min(SMALLEST_WEIGHT)
    return weighted * ((count > 1) & (len(rows) > 1))


def chosen_prototypes(rows: Tensor, scores: Tensor, most: int, order: Order) -> Tensor:
    """(M, E), (M,) -> (most, E): the rows of lowest (or highest) score; zeros where there are fewer rows."""
    best = scores.topk(min(most, len(rows)), largest=order == "highest").indices
    return F.pad(rows[best], (0, 0, 0, most - len(best)))


def disagreement(one: Tensor, other: Tensor) -> Tensor:
    """Probabilities (B, K, ...) twice -> scalar: one minus their scalar product over classes, averaged over voxels.

    The soft Dice distance over all classes, voxels and samples together is this, since both sum to 1 over classes. Not
    0 where they are equal, unless they are certain.
    """
    return 1 - (one * other).sum(1).mean()
