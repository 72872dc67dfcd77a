"""Weights that rise during training, as functions of the step."""

from __future__ import annotations

import math

from semivox.core.progress import Progress


def gaussian_ramp(step: float, length: float) -> float:
    """exp(-5 (1 - t)^2) with t = step / length clipped to [0, 1]: 0.0067 at the start, 1 from ``length`` on.

    The "sigmoid ramp-up" of Laine & Aila, ICLR 2017, arXiv:1610.02242. A length of 0 gives 1 at once.

    >>> [round(gaussian_ramp(step, 100), 3) for step in (0, 50, 100, 200)]
    [0.007, 0.287, 1.0, 1.0]
    """
    if length <= 0:
        return 1.0
    t = min(max(step / length, 0.0), 1.0)
    return math.exp(-5.0 * (1.0 - t) ** 2)


def exponential_ramp(step: float, length: float) -> float:
    """1 - exp(-5 t) with t = step / length clipped to [0, 1]: 0 at the start, 0.993 from ``length`` on.

    >>> [round(exponential_ramp(step, 100), 3) for step in (0, 50, 100, 200)]
    [0.0, 0.918, 0.993, 0.993]
    """
    return 1 - math.exp(-5 * min(1.0, step / length))


def risen(progress: Progress, length: int | None = None, every: int = 1, first: int = 0) -> float:
    """The share of a weight that a step has: a Gaussian ramp of ``length`` steps, None: of the whole run.

    It rises every ``every`` steps; 1: smoothly. ``first``: the number of the first step, 0 or 1.
    """
    return gaussian_ramp(staircase(progress.step + first, every), progress.steps if length is None else length)


def staircase(step: int, every: int) -> int:
    """The step rounded down to a multiple of ``every``: the reference codes raise their weights every 150 steps.

    >>> staircase(299, 150), staircase(300, 150)
    (150, 300)
    """
    return step // every * every
