"""About what sample would decide a difference that this one leaves open, in words."""

from __future__ import annotations

import math

from scipy.special import ndtri

from semivox.core.plurals import plural, several
from semivox.evaluation.nested_bootstrap import Nested, needed

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
THIS_SIZE = f"a difference of this size, with a chance of {POWER:.0%}."
NO_SAMPLE = "No sample of realistic size would decide a difference as small as this."


def sample_needed(doubt: Nested, level: float, repeat: str, noun: str) -> str:
    """About what sample would decide a difference of this size at this level with power 0.8; empty where it is 0.

    ``repeat``: what was repeated, draw or seed; ``noun``: what is counted, case or patient or scan.
    """
    if doubt.repeats == 1:
        count = cases_needed(doubt.mean, doubt.case_variance, doubt.cases, level)
        return "" if count is None else would_decide(count, doubt.cases, noun)
    wanted = needed(doubt, POWER, level)
    if wanted is None:
        return ""
    repeats, cases = wanted[0], max(wanted[1], fewest_cases(level))
    many, units = plural(repeats, repeat), _counted(cases, doubt.cases, noun)
    if repeats > REALISTIC * doubt.repeats or cases > REALISTIC * doubt.cases:
        return NO_SAMPLE
    if repeats == doubt.repeats:
        return f"About {units}, in the same {many}, would decide {THIS_SIZE}"
    if cases == doubt.cases:
        return f"About {many} instead of {doubt.repeats}, on the same {several(noun)}, would decide {THIS_SIZE}"
    return f"About {many} instead of {doubt.repeats} and {units} would decide {THIS_SIZE}"


def cases_needed(mean: float, variance: float, now: int, level: float = LEVEL) -> int | None:
    """About how many cases decide a mean difference of this size and variance with power 0.8; None where it is 0."""
    if mean == 0:
        return None
    wanted = RANK_TEST_COST * (ndtri(1 - level / 2) + ndtri(POWER)) ** 2 * variance / mean**2
    return max(fewest_cases(level), now + 1, math.ceil(wanted))


def fewest_cases(level: float) -> int:
    """With fewer, the signed-rank test cannot reach p below this level: its smallest p is 2 / 2^n.

    >>> fewest_cases(0.05)
    6
    """
    return math.floor(math.log2(2 / level)) + 1


def would_decide(count: int, now: int, noun: str = "case") -> str:
    """What sample would decide, as a sentence; ``now``: how many there are."""
    if count > REALISTIC * now:
        return NO_SAMPLE
    return f"About {_counted(count, now, noun)} would decide {THIS_SIZE}"


def _counted(count: int, now: int, noun: str) -> str:
    return f"{plural(count, f'scored {noun}', several(f'scored {noun}'))} instead of {now}"
