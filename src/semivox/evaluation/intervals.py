"""Is one method better than another on the same cases, by how much, and how sure is that?

A difference counts only if its BCa bootstrap interval over cases excludes 0 and Wilcoxon's signed-rank test agrees
(p < 0.05). Otherwise the answer is "inconclusive", with about how many cases would decide it. Where several cases are
of one patient or scan, these are what is counted (``levels``).
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
from semivox.evaluation.aggregation import EACH_ITS_OWN, Units, by_place, by_unit, counted, joint_values, plural
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.score import HIGHER_IS_BETTER, Row

LEVEL = 0.05
"""Two-sided error level of a verdict."""
FEWEST_CASES = 6
"""With fewer, the two-sided signed-rank test cannot reach p < 0.05: its smallest p is 2 / 2^n."""
POWER = 0.8
"""The chance of deciding a true difference that "how many cases would decide it" asks for."""
RANK_TEST_COST = math.pi / 3
"""Cases that the signed-rank test needs for each case of a t test, for normal differences."""
REALISTIC = 100
"""A sample this many times as large as the one at hand is no plan."""
NO_SAMPLE = "No sample of realistic size would decide a difference as small as this."


class Difference(Frozen):
    """One score of two methods on the same cases: A minus B."""

    score: str
    cases: int
    units: int
    """Patients or scans that the cases are of; as many as cases where each is one of its own. All tests count these."""
    left_out: int
    """Objects (case, class) without a value: reference and predictions lack the class, or no diagonal is known."""
    mean_a: float
    mean_b: float
    difference: float
    """Mean over units of A minus B, each the mean over its cases, and these over their classes."""
    low: float | None
    """Lower end of the 95 % interval of the difference: BCa over units; None below two."""
    high: float | None
    p_value: float
    """Wilcoxon's signed-rank test, two-sided."""

    @property
    def numbers(self) -> str:
        """Means, difference and interval, in words."""
        interval = "" if self.low is None else f", 95 % interval {self.low:+.3g} to {self.high:+.3g}"
        means = f"{self.score} {self.mean_a:.4g} against {self.mean_b:.4g}"
        return f"{means}, difference {self.difference:+.3g}{interval}"

    @property
    def noun(self) -> str:
        """What is counted."""
        return "case" if self.units == self.cases else "patient or scan"


class Comparison(Difference):
    """A difference of two single runs."""

    verdict: Literal["better", "worse", "inconclusive"]
    """Of A, against B."""
    cases_needed: int | None
    """About how many units would decide a difference of this size (power 0.8); None if decided or if there is none."""
    words: str
    """The result in a sentence or two."""


def compare(
    a_rows: Sequence[Row],
    b_rows: Sequence[Row],
    score: str = "dice",
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
    units: Units = EACH_ITS_OWN,
) -> Comparison:
    """Is method A better than method B? Both tables must hold the same cases and classes.

    Per case, the score is averaged over the same classes for both. A missed or invented object enters a distance with
    the scan's diagonal, so that missing never looks good, and predicting nothing where there is nothing is perfect if
    the other method invents something; ``volume_error_ml`` enters by its size. ``units``: cases of one patient or scan
    count as one. Raises InputError for an unknown score or tables of different cases.
    """
    matched(a_rows, b_rows)
    joint = joint_values((a_rows, b_rows), score)
    if not joint.cases:
        raise InputError(f"no case has a value of {score} for both methods, so there is nothing to compare")
    a, b = by_unit(joint.values, joint.cases, units)
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
        cases=len(joint.cases),
        units=len(a),
        left_out=joint.left_out,
        mean_a=float(a.mean()),
        mean_b=float(b.mean()),
        difference=difference,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p_value=p_value,
        verdict=("better" if gain > 0 else "worse") if decided else "inconclusive",
        cases_needed=None if decided or len(a) < 2 else cases_needed(difference, differences.var(ddof=1), len(a)),
        words="",
    )
    return result.model_copy(update={"words": _words(result, names)})


def matched(a_rows: Sequence[Row], b_rows: Sequence[Row]) -> None:
    """Raise InputError where two tables do not hold the same cases and classes, each once."""
    if unpaired := sorted(set(by_place(a_rows)) ^ set(by_place(b_rows))):
        shown = ", ".join(f"{case} ({name})" for case, name in unpaired[:10])
        raise InputError(
            f"only one of the two tables has {shown}; a paired comparison needs the same cases and classes"
        )


def signed_rank(differences: np.ndarray) -> tuple[float, float]:
    """Wilcoxon's two-sided p value, and the sign of what it found: +1 where positive ranks prevail."""
    differences = differences[differences != 0]
    if len(differences) == 0:
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(differences))
    direction = float(np.sign((np.sign(differences) * ranks).sum()))
    return float(stats.wilcoxon(differences).pvalue), direction


def cases_needed(mean: float, variance: float, now: int, level: float = LEVEL) -> int | None:
    """About how many cases decide a mean difference of this size and variance with power 0.8; None where it is 0."""
    if mean == 0:
        return None
    needed = RANK_TEST_COST * (ndtri(1 - level / 2) + ndtri(POWER)) ** 2 * variance / mean**2
    return max(fewest_cases(level), now + 1, math.ceil(needed))


def fewest_cases(level: float) -> int:
    """With fewer, the signed-rank test cannot reach p below this level: its smallest p is 2 / 2^n."""
    return math.floor(math.log2(2 / level)) + 1


def would_decide(count: int, now: int, noun: str = "case") -> str:
    """What sample would decide, as a sentence; ``now``: how many there are."""
    if count > REALISTIC * now:
        return NO_SAMPLE
    return f"About {plural(count, noun)} would decide a difference of this size."


def _words(result: Comparison, names: tuple[str, str]) -> str:
    """The comparison in a sentence or two, for a summary that is read without the table."""
    count = counted(result.units, result.cases)
    numbers = f"{result.numbers}, signed-rank p = {result.p_value:.2g}, {count}"
    if result.verdict != "inconclusive":
        return f"{names[0]} is {result.verdict} than {names[1]}: {numbers}."
    text = f"Inconclusive whether {names[0]} is better than {names[1]}: {numbers}."
    if result.units < FEWEST_CASES:
        text += (
            f" With fewer than {plural(FEWEST_CASES, result.noun)} the signed-rank test cannot reach p < {LEVEL}, "
            "whatever they show."
        )
    if result.cases_needed is not None:
        text += f" {would_decide(result.cases_needed, result.units, result.noun)}"
    return text
