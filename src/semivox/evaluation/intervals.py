"""Is one method better than another on the same cases, by how much, and how sure is that?

A difference counts only if its BCa bootstrap interval over cases excludes 0 and Wilcoxon's signed-rank test agrees
(p < 0.05). Otherwise the answer is "inconclusive", with about how many cases would decide it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats
from scipy.special import ndtri

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.score import DISTANCES, HIGHER_IS_BETTER, SCORES, Row

LEVEL = 0.05
"""Two-sided error level of a verdict."""
FEWEST_CASES = 6
"""With fewer, the two-sided signed-rank test cannot reach p < 0.05: its smallest p is 2 / 2^n."""
POWER = 0.8
"""The chance of deciding a true difference that "how many cases would decide it" asks for."""
RANK_TEST_COST = math.pi / 3
"""Cases that the signed-rank test needs for each case of a t test, for normal differences."""


class Difference(Frozen):
    """One score of two methods on the same cases: A minus B."""

    score: str
    cases: int
    left_out: int
    """Pairs of (case, class) for which a method has no value: neither mask holds the class. Counted in each run."""
    mean_a: float
    mean_b: float
    difference: float
    """Mean over cases of A minus B, each the mean over its classes."""
    low: float | None
    """Lower end of the 95 % interval of the difference: BCa over cases; None below two cases."""
    high: float | None
    p_value: float
    """Wilcoxon's signed-rank test, two-sided."""

    @property
    def numbers(self) -> str:
        """Means, difference and interval, in words."""
        interval = "" if self.low is None else f", 95 % interval {self.low:+.3g} to {self.high:+.3g}"
        means = f"{self.score} {self.mean_a:.4g} against {self.mean_b:.4g}"
        return f"{means}, difference {self.difference:+.3g}{interval}"


class Comparison(Difference):
    """A difference of two single runs."""

    verdict: Literal["better", "worse", "inconclusive"]
    """Of A, against B."""
    cases_needed: int | None
    """About how many cases would decide a difference of this size (power 0.8); None if decided or if there is none."""
    words: str
    """The result in a sentence or two."""


def compare(
    a_rows: Sequence[Row],
    b_rows: Sequence[Row],
    score: str = "dice",
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
) -> Comparison:
    """Is method A better than method B? Both tables must hold the same cases and classes.

    Per case, the score is averaged over the classes for which both methods have a value. A missed object enters a
    distance with the scan's diagonal, so that missing objects never looks good; ``volume_error_ml`` enters by its
    size. Raises InputError for an unknown score or tables of different cases.
    """
    pairs, left_out = paired_means(a_rows, b_rows, score)
    a, b = np.array(list(pairs.values())).reshape(-1, 2).T
    if len(a) == 0:
        raise InputError(f"no case has a value of {score} for both methods, so there is nothing to compare")
    differences = np.round(a - b, 12)  # equal differences must tie for the ranks, whatever their rounding
    difference = float(differences.mean())
    interval = mean_interval(differences, seed=seed)
    p_value, direction = signed_rank(differences)
    decided = (
        len(a) >= FEWEST_CASES
        and p_value < LEVEL
        and interval is not None
        and interval.low * interval.high > 0
        and direction * difference > 0
    )
    gain = difference if score in HIGHER_IS_BETTER else -difference
    result = Comparison(
        score=score,
        cases=len(a),
        left_out=left_out,
        mean_a=float(a.mean()),
        mean_b=float(b.mean()),
        difference=difference,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p_value=p_value,
        verdict=("better" if gain > 0 else "worse") if decided else "inconclusive",
        cases_needed=None if decided else cases_needed(differences),
        words="",
    )
    return result.model_copy(update={"words": _words(result, names)})


def paired_means(
    a_rows: Sequence[Row], b_rows: Sequence[Row], score: str
) -> tuple[dict[str, tuple[float, float]], int]:
    """Case -> values of both methods, means over the classes that both have; and how many (case, class) were left out.

    Raises InputError for an unknown score or tables of different cases or classes.
    """
    if score not in SCORES:
        raise InputError(f"{score!r} is not a score that can be compared; those are {', '.join(SCORES)}")
    a, b = _by_place(a_rows), _by_place(b_rows)
    if unpaired := sorted(set(a) ^ set(b)):
        shown = ", ".join(f"{case} ({name})" for case, name in unpaired[:10])
        raise InputError(
            f"only one of the two tables has {shown}; a paired comparison needs the same cases and classes"
        )
    per_case: dict[str, list[tuple[float, float]]] = {}
    left_out = 0
    for place, row in a.items():
        first, second = _value(row, score), _value(b[place], score)
        if first is None or second is None:
            left_out += 1
        else:
            per_case.setdefault(place[0], []).append((first, second))
    means = {case: np.mean(pairs, axis=0) for case, pairs in per_case.items()}
    return {case: (float(a), float(b)) for case, (a, b) in means.items()}, left_out


def case_means(rows: Sequence[Row], score: str) -> dict[str, float]:
    """Case -> value, the mean over its classes that have one; undefined distances count as in ``compare``."""
    values: dict[str, list[float]] = {}
    for row in rows:
        value = _value(row, score)
        if value is not None:
            values.setdefault(row.case, []).append(value)
    return {case: float(np.mean(listed)) for case, listed in values.items()}


def _by_place(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    """Rows by (case, class). Raises InputError where two rows claim one place."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        if found.setdefault((row.case, row.class_name), row) is not row:
            raise InputError(f"the table has two rows for case {row.case}, class {row.class_name}")
    return found


def _value(row: Row, score: str) -> float | None:
    """A row's value for a comparison: the diagonal for an undefined distance, and a volume error's size."""
    value: float | None = getattr(row, score)
    if value is None and score in DISTANCES and row.empty != "both":
        return row.diagonal_mm
    return abs(value) if value is not None and score == "volume_error_ml" else value


def signed_rank(differences: np.ndarray) -> tuple[float, float]:
    """Wilcoxon's two-sided p value, and the sign of what it found: +1 where positive ranks prevail."""
    differences = differences[differences != 0]
    if len(differences) == 0:
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(differences))
    direction = float(np.sign((np.sign(differences) * ranks).sum()))
    return float(stats.wilcoxon(differences).pvalue), direction


def cases_needed(differences: np.ndarray) -> int | None:
    """About how many cases decide a mean difference of this size and spread with power 0.8; None without either."""
    n, mean = len(differences), abs(float(differences.mean()))
    if n < 2 or mean == 0:
        return None
    effect = float(differences.std(ddof=1)) / mean
    needed = RANK_TEST_COST * ((ndtri(1 - LEVEL / 2) + ndtri(POWER)) * effect) ** 2
    return max(FEWEST_CASES, n + 1, math.ceil(needed))


def _words(result: Comparison, names: tuple[str, str]) -> str:
    """The comparison in a sentence or two, for a summary that is read without the table."""
    plural = "" if result.cases == 1 else "s"
    numbers = f"{result.numbers}, signed-rank p = {result.p_value:.2g}, {result.cases} case{plural}"
    if result.verdict != "inconclusive":
        return f"{names[0]} is {result.verdict} than {names[1]}: {numbers}."
    text = f"Inconclusive whether {names[0]} is better than {names[1]}: {numbers}."
    if result.cases < FEWEST_CASES:
        text += (
            f" With fewer than {FEWEST_CASES} cases the signed-rank test cannot reach p < {LEVEL}, whatever they show."
        )
    if result.cases_needed is not None:
        text += f" About {result.cases_needed} cases would decide a difference of this size."
    return text
