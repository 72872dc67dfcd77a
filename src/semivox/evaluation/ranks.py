"""Many methods at once: p values corrected for their number, and ranks with the difference that counts.

Holm's correction (S. Holm, Scandinavian Journal of Statistics 6, 1979); Friedman's test and Nemenyi's critical
difference as J. Demsar recommends (Journal of Machine Learning Research 7, 2006). Both take cases for all that varies.
Over several draws or seeds the luck of a run is shared by all its cases, and they would tell equal methods apart nearly
always; there, mean ranks are compared pair by pair, nested over repeats and cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from scipy import stats
from scipy.special import ndtr

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.evaluation.nested_bootstrap import nested

LEVEL = 0.05
"""Of Friedman's test and the critical difference."""


class Ranking(Frozen):
    """How several methods rank over the same cases."""

    names: tuple[str, ...]
    """Best first."""
    ranks: tuple[float, ...]
    """Mean rank over repeats and cases, 1 is best; ties share."""
    cases: int
    """Or patients, where several cases are of one."""
    repeats: int = 1
    """Draws, or seeds of one draw."""
    p_value: float
    """That all methods rank alike: Friedman's, or the smallest corrected one of all pairs."""
    critical_difference: float | None
    """Nemenyi's: mean ranks closer than this are not told apart at 5 %; None where pairs were tested."""
    cliques: tuple[tuple[str, ...], ...]
    """Largest groups of neighbors that are not told apart; all of them where Friedman's test finds nothing."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: below 0.05 where a family-wise error of 5 % allows the claim.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
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


def rank_repeats(values: np.ndarray, names: Sequence[str], higher_is_better: bool) -> Ranking:
    """Rank K methods over R repeats and N cases, at least 2 of each: values (R, N, K) without NaN.

    Two methods are told apart where, corrected for all pairs (Holm), both the bootstrap nested over repeats and cases
    and the signed-rank test on cases find a difference of their ranks. Raises InputError for fewer than 3 methods.
    """
    table = np.asarray(values, float)
    repeats, cases, methods = table.shape
    if methods < 3 or methods != len(names):
        raise InputError(f"ranks need at least 3 methods; there are {methods}")
    ranks = stats.rankdata(np.round(-table if higher_is_better else table, 12), axis=2)
    means = ranks.mean((0, 1))
    order = [int(index) for index in np.argsort(means, kind="stable")]
    pairs = list(combinations(range(methods), 2))  # places in this order
    raw = [_pair(ranks[..., order[one]] - ranks[..., order[other]]) for one, other in pairs]
    p_values = dict(zip(pairs, holm(raw), strict=True))
    groups = neighbors(methods, lambda one, other: p_values[one, other] >= LEVEL)
    listed = [names[index] for index in order]
    return Ranking(
        names=tuple(listed),
        ranks=tuple(float(means[index]) for index in order),
        cases=cases,
        repeats=repeats,
        p_value=min(p_values.values()),
        critical_difference=None,
        cliques=tuple(tuple(listed[first : last + 1]) for first, last in groups),
    )


def _pair(differences: np.ndarray) -> float:
    """The p value of one pair's differences of ranks, (R, N).

    Ranks are coarse: a few cases often agree in all repeats by chance, which leaves no variance to the bootstrap. So
    the signed-rank test on cases (normal, with ties) must agree, and no p value is below that of n coins which all fall
    alike, 2 / 2^n.
    """
    of_case = np.round(differences.mean(0), 12)
    of_case = of_case[of_case != 0]
    if len(of_case) == 0:
        return 1.0
    signed = np.sign(of_case) * stats.rankdata(np.abs(of_case))
    p_value = 2 * float(ndtr(-abs(signed.sum()) / np.linalg.norm(signed)))
    return max(nested(differences).p_value, p_value, 2.0 ** (1 - len(of_case)))


def critical_difference(methods: int, cases: int, level: float = LEVEL) -> float:
    """Nemenyi's: two of ``methods`` mean ranks over ``cases`` that lie farther apart differ."""
    q = float(stats.studentized_range.ppf(1 - level, methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * cases))


def cliques(names: Sequence[str], ranks: Sequence[float], distance: float) -> list[tuple[str, ...]]:
    """Of names in the order of their ranks: every largest run of at least two whose ends lie within the distance.

    >>> cliques(["CPS", "BCP", "UA-MT"], [1.2, 1.5, 2.9], 1.0)
    [('CPS', 'BCP')]
    """
    groups = neighbors(len(ranks), lambda first, last: ranks[last] - ranks[first] <= distance)
    return [tuple(names[first : last + 1]) for first, last in groups]


def neighbors(count: int, alike: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Of places in a row: first and last of every largest run of at least two in which all pairs are alike."""
    found: list[tuple[int, int]] = []
    for first in range(count):
        last = first
        while last + 1 < count and all(alike(one, last + 1) for one in range(first, last + 1)):
            last += 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
