"""Contrast between two views of the same patches: each thing should resemble itself in the other view most.

Legend: B patches, R maps (classes or groups) of V voxels (any spatial shape) in two views, a and b. All in float32,
also under autocast.

InfoNCE as in Wu, Li & Zhang, ISBI 2024, arXiv:2311.12364, whose formula leaves open what is compared with what; three
readings are here.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from semivox.functional.classes import most_probable

Likeness = Literal["cosine", "dot"]
Negatives = Literal["other", "all"]

SMALLEST_NORM = 1e-8  # a map of zeros has no direction; its cosine is 0, not NaN


def paired_contrast(
    a: Tensor,
    b: Tensor,
    temperature: float,
    likeness: Likeness = "cosine",
    counts: Tensor | None = None,
    negatives: Tensor | None = None,
) -> Tensor:
    """(B, n, D) twice -> scalar: -ln softmax of the partner in the other view among all things but oneself.

    ``counts`` (B, n): which things take part at all; ``negatives`` (B, n, n): which others each is told from, in either
    view. Mean over the 2 n rows that count, then over the patches that have any; 0 where none has.
    """
    with torch.autocast(a.device.type, enabled=False):
        number = a.shape[1]
        rows = torch.cat([a, b], 1).float()  # (B, 2n, D)
        likely = _likeness(rows, likeness) / temperature  # (B, 2n, 2n)
        here = torch.arange(2 * number, device=a.device)
        partner = (here + number) % (2 * number)
        allowed = (here[:, None] != here).expand_as(likely)
        if negatives is not None:
            allowed = allowed & (negatives.repeat(1, 2, 2) | (here[:, None] == partner))
        some = torch.ones_like(allowed[..., 0])  # (B, 2n)
        if counts is not None:
            some = counts.repeat(1, 2)
            allowed = allowed & some.unsqueeze(1)
        allowed = allowed | ~some.unsqueeze(2)  # a row that does not count is finite, and then not counted
        losses = -likely.masked_fill(~allowed, -math.inf).log_softmax(2)[:, here, partner]  # (B, 2n)
        losses = losses.masked_fill(~some, 0.0)
        each = losses.sum(1) / some.sum(1).clamp_min(1)  # (B,)
        return each.sum() / some.any(1).sum().clamp_min(1)


def channel_contrast(
    a: Tensor, b: Tensor, temperature: float, likeness: Likeness = "cosine", smallest: float = 1e-3
) -> Tensor:
    """A class's map should resemble that class's map of the other view more than any map of another class.

    (B, R, ...) twice -> scalar. A map that holds less than ``smallest`` of the voxels in both views takes no part. Only
    the (2R, 2R) products of the maps are formed: O(R^2 V).
    """
    a, b = a.flatten(2), b.flatten(2)
    counts = torch.maximum(a.mean(2), b.mean(2)).detach() >= smallest
    return paired_contrast(a, b, temperature, likeness, counts)


def voxel_contrast(
    a: Tensor,
    b: Tensor,
    temperature: float,
    likeness: Likeness = "cosine",
    anchors: int = 1024,
    negatives: Negatives = "other",
) -> Tensor:
    """A voxel's probabilities should resemble those of the same voxel in the other view more than other voxels'.

    (B, R, ...) twice -> scalar. ``anchors`` voxels per patch are drawn, as often of each class that view b shows;
    they are told from the anchors of ``other`` classes, or from ``all``.
    """
    a, b = a.flatten(2), b.flatten(2)
    classes = most_probable(b)  # (B, V)
    number = torch.zeros_like(b[:, :, 0]).scatter_add(1, classes, torch.ones_like(b[:, 0]))  # (B, R)
    drawn = torch.multinomial(1 / number.gather(1, classes), anchors, replacement=True)  # (B, anchors)
    index = drawn.unsqueeze(1).expand(-1, a.shape[1], -1)
    chosen = classes.gather(1, drawn)
    differ = chosen.unsqueeze(1) != chosen.unsqueeze(2) if negatives == "other" else None
    first, second = (view.gather(2, index).transpose(1, 2) for view in (a, b))  # (B, anchors, R)
    return paired_contrast(first, second, temperature, likeness, negatives=differ)


def view_contrast(a: Tensor, b: Tensor, temperature: float, likeness: Likeness = "cosine") -> Tensor:
    """A patch's maps, taken together, should resemble its maps in the other view more than another patch's do.

    (B, R, ...) twice -> scalar.
    """
    return paired_contrast(a.flatten(1).unsqueeze(0), b.flatten(1).unsqueeze(0), temperature, likeness)


def _likeness(rows: Tensor, kind: Likeness) -> Tensor:
    """(B, m, D) -> (B, m, m). Norms are on the diagonal of the products, so no normalized copy of the rows is made."""
    products = rows @ rows.transpose(1, 2)
    if kind == "dot":
        return products / rows.shape[2]
    squares = products.diagonal(dim1=1, dim2=2).clamp_min(SMALLEST_NORM**2)
    inverse = squares.rsqrt()
    return products * inverse.unsqueeze(1) * inverse.unsqueeze(2)
