"""The bootstrap over cases: between which values the true mean of a score lies.

Cases, not voxels, are what is drawn at random, so cases are resampled. Two intervals: the percentile interval, and
BCa (B. Efron, Better bootstrap confidence intervals, JASA 82, 1987), which corrects it for bias and skew.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from semivox.core.frozen import Frozen
from semivox.core.randomness import generator

RESAMPLES = 5000
"""Bootstrap resamples of an interval."""
DRAWN_AT_ONCE = 2_000_000
"""Case numbers drawn at once: bounds the memory of a bootstrap over many cases."""


class Interval(Frozen):
    """An interval that holds the true mean with a given confidence."""

    low: float
    high: float


def grouped_mean(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean over classes of the mean over cases, when case n is taken ``counts[b, n]`` times.

    ``values``: (N, K) with NaN where undefined; ``counts``: (B, N) -> (B,), NaN where nothing is defined.
    """
    known = ~np.isnan(values)
    sums, numbers = counts @ np.where(known, values, 0.0), counts @ known.astype(float)
    present = numbers > 0
    means = np.divide(sums, numbers, out=np.zeros_like(sums), where=present)
    classes = present.sum(1)
    return np.divide(means.sum(1), classes, out=np.full(len(counts), np.nan), where=classes > 0)


def mean_interval(
    values: np.ndarray,
    kind: Literal["bca", "percentile"] = "bca",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """Bootstrap interval of a mean over cases; None with fewer than two cases.

    ``values``: (N,), or (N, K) for K classes, of which the mean of the class means is taken; NaN where undefined.
    """
    table = np.asarray(values, dtype=float)
    table = table[:, None] if table.ndim == 1 else table
    table = table[~np.isnan(table).all(1)]
    if len(table) < 2:
        return None
    means = _resampled_means(table, resamples, seed)
    means = means[~np.isnan(means)]
    tail = (1 - confidence) / 2
    ends = np.array([tail, 1 - tail])
    if kind == "bca":
        ends = _corrected(ends, table, means)
    low, high = np.quantile(means, ends)
    return Interval(low=float(low), high=float(high))


def _resampled_means(table: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """The grouped mean of each bootstrap resample of the cases: (N, K) -> (resamples,)."""
    n, rng = len(table), generator(seed)
    means = []
    step = max(1, DRAWN_AT_ONCE // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        means.append(grouped_mean(table, counts.astype(float)))
    return np.concatenate(means)


def _corrected(ends: np.ndarray, table: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The percentiles at which BCa reads the bootstrap distribution instead of ``ends`` (Efron 1987, eq. 2.3)."""
    observed = grouped_mean(table, np.ones((1, len(table))))[0]
    close = 1e-12 * max(1.0, abs(observed))  # resamples equal to the observed mean differ from it by rounding
    share = (np.mean(means < observed - close) + np.mean(means <= observed + close)) / 2
    if not 0 < share < 1:
        return ends  # every resample lies on one side: there is no correction to estimate
    left_out = grouped_mean(table, 1 - np.eye(len(table)))
    deviations = np.nanmean(left_out) - left_out[~np.isnan(left_out)]
    spread = float((deviations**2).sum())
    if spread <= close**2:
        return ends
    bias = ndtri(share)
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5)
    shifted = bias + ndtri(ends)
    return ndtr(bias + shifted / (1 - acceleration * shifted))
