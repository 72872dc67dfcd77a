"""How sure a mean is that was taken over draws of the labeled cases, seeds, and test cases.

The same test cases are scored in every draw, so a mean varies for two reasons: other draws and seeds, and other cases.
A bootstrap over cases alone would call a lucky draw a finding. Draws are too few to be resampled (three have ten
distinct resamples, whose spread is a third too small), so their part is Student's t with the variance of their means.
Cases are resampled; what is left when effects of draws and cases are taken out (two-way analysis of variance) varies
both means, and is counted with the draws' alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import ndtri

from semivox.core.randomness import generator

RESAMPLES = 10_000
"""Bootstrap resamples; the smallest p value is about 2 / RESAMPLES."""
CONFIDENCE = 0.95
MOST = 1_000_000
"""No larger sample is thought of."""
DRAWN_AT_ONCE = 2_000_000
"""Case numbers drawn at once: bounds the memory."""


@dataclass(frozen=True)
class Nested:
    """A mean over repeats and cases, between which values the true one lies, and where the doubt comes from."""

    mean: float
    low: float
    high: float
    p_value: float
    """Two-sided, that the true mean is 0."""
    repeats: int
    cases: int
    repeat_variance: float
    """Of one repeat's true mean: what more repeats would average away."""
    case_variance: float
    """Of one case's mean over these repeats: what more cases would average away."""


def nested(values: np.ndarray, seed: int = 0) -> Nested:
    """The mean of (R, N) values of R repeats (draws, or seeds of one draw) and N cases; R and N at least 2.

    Values of several seeds of a draw are averaged before: the seeds' variance is then part of the draws'. With R = 1
    use ``bootstrap.mean_interval``, whose interval holds for that draw and seed only. Raises ValueError.
    """
    table = np.asarray(values, float)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(f"values must be finite, of at least 2 repeats and 2 cases; received shape {table.shape}")
    repeats, cases = table.shape
    mean, of_repeat, of_case = table.mean(), table.mean(1), table.mean(0)
    residual = table - of_repeat[:, None] - of_case + mean
    noise = float((residual**2).sum()) / ((repeats - 1) * (cases - 1))
    between, among = float(of_repeat.var(ddof=1)), float(of_case.var(ddof=1))
    share = math.sqrt(max(1 - noise / repeats / among, 0.0)) if among > 0 else 0.0
    deviations = mean + share * _case_part(of_case, seed) + _repeat_part(between, repeats, seed)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(deviations, (tail, 1 - tail))
    beyond = min(int((deviations <= 0).sum()), int((deviations >= 0).sum()))
    return Nested(
        mean=float(mean),
        low=float(low),
        high=float(high),
        p_value=min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1)),
        repeats=repeats,
        cases=cases,
        repeat_variance=max(between - noise / cases, 0.0),
        case_variance=among,
    )


def needed(found: Nested, power: float, level: float) -> tuple[int, int] | None:
    """How many repeats and cases would decide a difference of this size with this power; None where it is 0.

    More cases of the same repeats where that is enough; else more repeats on these cases; else more of both, in the
    same proportion.
    """
    if found.mean == 0:
        return None

    def decides(repeats: int, cases: float) -> bool:
        """Whether the interval of such a study would exclude 0 with this power."""
        of_repeats, of_cases = found.repeat_variance / repeats, found.case_variance / cases
        width = math.hypot(
            float(stats.t.ppf(1 - level / 2, repeats - 1)) * math.sqrt(of_repeats),
            float(ndtri(1 - level / 2)) * math.sqrt(of_cases),
        )
        return width + float(ndtri(power)) * math.sqrt(of_repeats + of_cases) <= abs(found.mean)

    if decides(found.repeats, math.inf):
        return found.repeats, _least(found.cases + 1, lambda cases: decides(found.repeats, cases))
    if decides(MOST, found.cases):
        return _least(found.repeats + 1, lambda repeats: decides(repeats, found.cases)), found.cases
    ratio = found.cases / found.repeats
    repeats = _least(found.repeats + 1, lambda repeats: decides(repeats, ratio * repeats))
    return repeats, math.ceil(ratio * repeats)


def _least(first: int, enough: Callable[[int], bool]) -> int:
    """The smallest number from ``first`` on that is enough; ``MOST`` if none below is."""
    low, high = first, first
    while not enough(high) and high < MOST:
        low, high = high, min(2 * high, MOST)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def _case_part(of_case: np.ndarray, seed: int) -> np.ndarray:
    """How far the mean of resampled cases lies from that of all, widened to Student's t: (RESAMPLES,)."""
    cases = len(of_case)
    wider = math.sqrt(cases / (cases - 1)) * float(stats.t.ppf(0.975, cases - 1)) / float(ndtri(0.975))
    random, centered = generator(seed, 1), of_case - of_case.mean()
    step = max(1, DRAWN_AT_ONCE // cases)
    parts = [
        centered[random.integers(0, cases, (min(step, RESAMPLES - start), cases))].mean(1)
        for start in range(0, RESAMPLES, step)
    ]
    return wider * np.concatenate(parts)


def _repeat_part(between: float, repeats: int, seed: int) -> np.ndarray:
    """How far the mean of these repeats may lie from that of all there could be: (RESAMPLES,)."""
    return math.sqrt(between / repeats) * generator(seed, 2).standard_t(repeats - 1, RESAMPLES)
