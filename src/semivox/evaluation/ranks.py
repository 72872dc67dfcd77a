"""Many methods at once: p values corrected for their number, and ranks with the difference that counts.

Holm's correction (S. Holm, Scandinavian Journal of Statistics 6, 1979); Friedman's test and Nemenyi's critical
difference as J. Demsar recommends (Journal of Machine Learning Research 7, 2006).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen

LEVEL = 0.05
"""Of Friedman's test and the critical difference."""


class Ranking(Frozen):
    """How several methods rank over the same cases."""

    names: tuple[str, ...]
    """Best first."""
    ranks: tuple[float, ...]
    """Mean rank over cases, 1 is best; ties share."""
    cases: int
    p_value: float
    """Friedman's: that all methods rank alike."""
    critical_difference: float
    """Nemenyi's: mean ranks closer than this are not told apart at 5 %."""
    cliques: tuple[tuple[str, ...], ...]
    """Largest groups of neighbors that are not told apart; all of them where Friedman's test finds nothing."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: below 0.05 where a family-wise error of 5 % allows the claim."""
    order = np.argsort(p_values, kind="stable")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * float(p_values[index])))
        adjusted[int(index)] = highest
    return adjusted


def rank(values: np.ndarray, names: Sequence[str], higher_is_better: bool) -> Ranking:
    """Rank K methods on N cases: values (N, K) without NaN. Raises InputError for fewer than 3 methods or 2 cases."""
    table = np.asarray(values, float)
    cases, methods = table.shape
    if methods < 3 or cases < 2 or methods != len(names):
        raise InputError(f"ranks need at least 3 methods and 2 cases; there are {methods} and {cases}")
    rounded = np.round(-table if higher_is_better else table, 12)
    means = stats.rankdata(rounded, axis=1).mean(0)
    constant = bool((rounded == rounded[:, :1]).all())
    p_value = 1.0 if constant else float(stats.friedmanchisquare(*rounded.T).pvalue)
    order = np.argsort(means, kind="stable")
    listed = [names[int(index)] for index in order]
    ranks = [float(means[index]) for index in order]
    distance = critical_difference(methods, cases)
    groups = [tuple(listed)] if p_value >= LEVEL else cliques(listed, ranks, distance)
    return Ranking(
        names=tuple(listed),
        ranks=tuple(ranks),
        cases=cases,
        p_value=p_value,
        critical_difference=distance,
        cliques=tuple(groups),
    )


def critical_difference(methods: int, cases: int, level: float = LEVEL) -> float:
    """Nemenyi's: two of ``methods`` mean ranks over ``cases`` that lie farther apart differ."""
    q = float(stats.studentized_range.ppf(1 - level, methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * cases))


def cliques(names: Sequence[str], ranks: Sequence[float], distance: float) -> list[tuple[str, ...]]:
    """Of names in the order of their ranks: every largest run of at least two whose ends lie within the distance."""
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(index for index in range(first, len(ranks)) if ranks[index] - ranks[first] <= distance)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return [tuple(names[first : last + 1]) for first, last in found]
