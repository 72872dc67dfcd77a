"""How much there is to learn from a part of a scan: class-weighted predictive entropy, with noise that falls.

ClaSP PE (Lueth, Traub et al., "Finally Outshining the Random Baseline", TMLR 01/2026, arXiv 2601.13677): entropy
weighted with the probability of each class gives every class its share of the budget, and Gumbel noise on the logarithm
of the scores makes early rounds nearly random and late ones nearly greedy. Written from the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from semivox.core.geometry import Shape

CLASS_SHARE = 0.66
"""Of the budget, what is shared equally over the classes (as published); the rest goes by plain entropy."""
STEEPEST = 100.0
"""Inverse scale of the noise in the last round; it is 1 in the first (as published)."""


class Box(NamedTuple):
    """A part of a scan, in voxels of its canonical grid."""

    begin: tuple[int, int, int]
    size: Shape

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """To index an array (X, Y, Z) with."""
        x, y, z = (slice(b, b + s) for b, s in zip(self.begin, self.size, strict=True))
        return x, y, z

    def overlaps(self, other: Box) -> bool:
        """Whether the two share a voxel."""
        ends = zip(self.begin, self.size, other.begin, other.size, strict=True)
        return all(b < ob + osize and ob < b + size for b, size, ob, osize in ends)


def score_maps(probabilities: np.ndarray) -> np.ndarray:
    """(K, X, Y, Z) probabilities -> (K, X, Y, Z) float32: entropy H in nats, then H p_c of each foreground class."""
    p = np.clip(probabilities, 1e-12, 1.0)
    entropy = -(p * np.log(p)).sum(0)
    return np.concatenate([entropy[None], entropy * probabilities[1:]]).astype(np.float32)


def box_means(values: np.ndarray, size: Shape) -> np.ndarray:
    """(X, Y, Z) -> the mean of every box of that size that lies within, by the voxel where it begins."""
    total = np.pad(values.astype(np.float64), ((1, 0),) * 3).cumsum(0).cumsum(1).cumsum(2)
    for axis, edge in enumerate(size):
        later = [slice(None)] * 3
        earlier = [slice(None)] * 3
        later[axis], earlier[axis] = slice(edge, None), slice(None, -edge)
        total = total[tuple(later)] - total[tuple(earlier)]
    return total / np.prod(size)


def top_boxes(values: np.ndarray, size: Shape, count: int, taken: Sequence[Box] = ()) -> list[tuple[Box, float]]:
    """The ``count`` boxes of highest mean that overlap neither each other nor ``taken``, best first.

    ``values``: (X, Y, Z). ``size``: cut to the scan where it is smaller. Fewer where no more have room.
    """
    x, y, z = (min(edge, length) for edge, length in zip(size, values.shape, strict=True))
    means = box_means(values, (x, y, z))
    for box in taken:
        _forbid(means, box, (x, y, z))
    found = []
    for _ in range(count):
        index = np.unravel_index(int(np.argmax(means)), means.shape)
        best = float(means[index])
        if best < 0:
            break
        box = Box((int(index[0]), int(index[1]), int(index[2])), (x, y, z))
        found.append((box, best))
        _forbid(means, box, (x, y, z))
    return found


def _forbid(means: np.ndarray, box: Box, size: Shape) -> None:
    """No box that overlaps this one may be taken any more."""
    low = [max(begin - edge + 1, 0) for begin, edge in zip(box.begin, size, strict=True)]
    means[tuple(slice(a, b + s) for a, b, s in zip(low, box.begin, box.size, strict=True))] = -1.0


def steepness(done: int, rounds: int) -> float:
    """Inverse scale of the noise after ``done`` rounds of ``rounds``: 1 in the first, 100 from the last on."""
    return float(STEEPEST ** min(done / max(rounds - 1, 1), 1.0))


def noisy(scores: np.ndarray, beta: float, stream: np.random.Generator) -> np.ndarray:
    """log(score) + Gumbel(0, 1 / beta): the order by it is a draw without replacement, greedier the higher beta."""
    return np.log(np.maximum(scores, 1e-12)) + stream.gumbel(0.0, 1.0 / beta, len(scores))


def quota(budget: int, classes: int, stream: np.random.Generator) -> list[int]:
    """What each place of the budget goes by: 1 to ``classes`` for a class, 0 for plain entropy; classes first.

    The classes get equal parts of 66 %; what cannot be shared equally goes to classes drawn at random.
    """
    if classes == 0:
        return [0] * budget
    shared = int(CLASS_SHARE * budget)
    equal, left = divmod(shared, classes)
    drawn = stream.permutation(classes)[:left] + 1
    by_class = [*(c for c in range(1, classes + 1) for _ in range(equal)), *(int(c) for c in drawn)]
    return [*by_class, *[0] * (budget - shared)]
