"""Weights that rise during training, as functions of the step."""

from __future__ import annotations

import math


def gaussian_ramp(step: float, length: float) -> float:
    """exp(-5 (1 - t)^2) with t = step / length clipped to [0, 1]: 0.0067 at the start, 1 from ``length`` on.

    The "sigmoid ramp-up" of Laine & Aila, ICLR 2017, arXiv:1610.02242. A length of 0 gives 1 at once.
    """
    if length <= 0:
        return 1.0
    t = min(max(step / length, 0.0), 1.0)
    return math.exp(-5.0 * (1.0 - t) ** 2)


def staircase(step: int, every: int) -> int:
    """The step rounded down to a multiple of ``every``: the reference codes raise their weights every 150 steps."""
    return step // every * every
