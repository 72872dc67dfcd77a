"""Is one method of a study better than another, over all draws, seeds and cases, when many are compared at once?

A difference counts only if its 95 % interval excludes 0, and its p value, corrected for the number of comparisons
(Holm), is below 0.05. Otherwise the answer is "inconclusive", with about what sample would decide it. Where several
cases are of one patient or scan, these are what is counted (``levels``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semivox.core.errors import InputError
from semivox.evaluation.aggregation import (
    EACH_ITS_OWN,
    Units,
    by_draw,
    by_unit,
    counted,
    joint_values,
    names_of,
    plural,
    repeats_of,
    several,
)
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.intervals import (
    FEWEST_CASES,
    LEVEL,
    NO_SAMPLE,
    POWER,
    REALISTIC,
    Difference,
    cases_needed,
    fewest_cases,
    matched,
    signed_rank,
    would_decide,
)
from semivox.evaluation.nested_bootstrap import Nested, needed, nested
from semivox.evaluation.ranks import holm
from semivox.evaluation.score import HIGHER_IS_BETTER, Row

Runs = Mapping[tuple[int, int], Sequence[Row]]
"""(draw, seed) -> the scores of one method's run."""


@dataclass(frozen=True)
class Pairs:
    """Two methods on the same draws, seeds and cases."""

    draws: tuple[int, ...]
    """Of each common run."""
    cases: int
    units: tuple[str, ...]
    """Names of patients or scans; of cases, where each is one of its own."""
    values: np.ndarray
    """(2, runs, units): means over the classes of a case, and the cases of a unit."""
    left_out: int
    """Objects (case, class) without a value."""

    @property
    def differences(self) -> np.ndarray:
        """A minus B: (runs, units), rounded so that equal ones tie."""
        return np.round(self.values[0] - self.values[1], 12)

    @property
    def of_unit(self) -> dict[str, float]:
        """Unit -> A minus B, the mean over draws of the mean over their seeds."""
        means = by_draw(self.differences, self.draws).mean(0)
        return {name: float(value) for name, value in zip(self.units, means, strict=True)}


class Contrast(Difference):
    """A difference over the same draws, seeds and cases.

    With several draws or seeds the interval is nested over these and units, and the p value is the larger one of the
    signed-rank test, on the units' mean differences, and of the nested bootstrap.
    """

    a: str
    b: str
    draws: int
    seeds: int
    """In each draw, at most."""
    p_holm: float
    """The same, corrected for the number of comparisons."""
    family: int = 1
    """How many comparisons it was corrected for."""
    agreeing: bool
    """Whether interval, ranks and mean point the same way."""
    doubt: Nested | None
    """Where the doubt comes from, repeats or units; None where it cannot be told."""

    @property
    def verdict(self) -> Literal["better", "worse", "inconclusive"]:
        """Of A, against B."""
        if not (self.agreeing and self.units >= FEWEST_CASES and self.p_holm < LEVEL):
            return "inconclusive"
        return "better" if (self.difference > 0) == (self.score in HIGHER_IS_BETTER) else "worse"

    @property
    def needed(self) -> str:
        """About what sample would decide a difference of this size with power 0.8, in words.

        At the level that the correction leaves to the smallest p value; empty where it is decided, or there is none.
        """
        if self.doubt is None or self.verdict != "inconclusive":
            return ""
        return _sample(self.doubt, LEVEL / self.family, "draw" if self.draws > 1 else "seed", self.noun)

    @property
    def scope(self) -> str:
        """For which draws and seeds it holds."""
        if self.draws > 1:
            return f"over {self.draws} draws of the labeled cases"
        return f"over {self.seeds} seeds, for this draw only" if self.seeds > 1 else "for this draw and seed only"

    @property
    def words(self) -> str:
        """The result in a sentence or two."""
        count = counted(self.units, self.cases)
        numbers = f"{self.numbers}, corrected p = {self.p_holm:.2g}, {count}, {self.scope}"
        if self.left_out:
            numbers += f"; {plural(self.left_out, 'object')} that neither reference nor prediction shows left out"
        if self.verdict != "inconclusive":
            return f"{self.a} is {self.verdict} than {self.b}: {numbers}."
        return f"Inconclusive whether {self.a} differs from {self.b}: {numbers}.{self.needed and ' ' + self.needed}"


def contrast(
    a_runs: Runs, b_runs: Runs, score: str, names: tuple[str, str], seed: int = 0, units: Units = EACH_ITS_OWN
) -> Contrast:
    """Compare two methods over the draws and seeds that both have, on the cases that all their runs scored.

    ``units``: cases of one patient or scan count as one. Raises InputError for an unknown score, no common run, no
    common value, or runs of different cases.
    """
    both = paired(a_runs, b_runs, score, names, units)
    differences = both.differences
    p_value, low, high, agreeing, doubt = _judged(repeats_of(differences, both.draws), seed)
    mean_a, mean_b, difference = (by_draw(one, both.draws).mean() for one in (*both.values, differences))
    return Contrast(
        a=names[0],
        b=names[1],
        score=score,
        draws=len(set(both.draws)),
        seeds=max(map(both.draws.count, both.draws)),
        cases=both.cases,
        units=len(both.units),
        left_out=both.left_out,
        mean_a=float(mean_a),
        mean_b=float(mean_b),
        difference=float(difference),
        low=low,
        high=high,
        p_value=p_value,
        p_holm=p_value,
        agreeing=agreeing,
        doubt=doubt,
    )


def paired(a_runs: Runs, b_runs: Runs, score: str, names: tuple[str, str], units: Units = EACH_ITS_OWN) -> Pairs:
    """The values that ``contrast`` compares, unit by unit. Raises InputError as it does."""
    common = sorted(set(a_runs) & set(b_runs))
    if not common:
        raise InputError(f"{names[0]} and {names[1]} have no draw and seed in common, so nothing can be compared")
    for key in common:
        matched(a_runs[key], b_runs[key])
    joint = joint_values([runs[key] for runs in (a_runs, b_runs) for key in common], score)
    if not joint.cases:
        raise InputError(f"no case has a value of {score} in every run of {names[0]} and {names[1]}")
    return Pairs(
        draws=tuple(draw for draw, _ in common),
        cases=len(joint.cases),
        units=tuple(names_of(joint.cases, units)),
        values=by_unit(joint.values, joint.cases, units).reshape(2, len(common), -1),
        left_out=joint.left_out,
    )


def corrected(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The same comparisons, each with its p value corrected for all of them."""
    adjusted = holm([one.p_value for one in contrasts])
    return [
        one.model_copy(update={"p_holm": p, "family": len(contrasts)})
        for one, p in zip(contrasts, adjusted, strict=True)
    ]


def _judged(by_repeat: np.ndarray, seed: int) -> tuple[float, float | None, float | None, bool, Nested | None]:
    """p value, interval, whether all agree, and where the doubt comes from; differences (repeats, units)."""
    of_unit = np.round(by_repeat.mean(0), 12)
    p_value, direction = signed_rank(of_unit)
    mean = float(by_repeat.mean())
    if len(of_unit) < 2:
        return p_value, None, None, False, None
    if len(by_repeat) > 1:
        doubt = nested(by_repeat, seed)
        p_value, low, high = max(p_value, doubt.p_value), doubt.low, doubt.high
    else:
        interval = mean_interval(of_unit, seed=seed)
        assert interval is not None  # two units or more
        low, high = interval.low, interval.high
        doubt = Nested(mean, low, high, p_value, 1, len(of_unit), 0.0, float(of_unit.var(ddof=1)))
    return p_value, low, high, low * high > 0 and direction * mean > 0, doubt


def _sample(doubt: Nested, level: float, repeat: str, noun: str) -> str:
    """What would decide at this level, in words; ``repeat``: draw or seed."""
    if doubt.repeats == 1:
        count = cases_needed(doubt.mean, doubt.case_variance, doubt.cases, level)
        return "" if count is None else would_decide(count, doubt.cases, noun)
    wanted = needed(doubt, POWER, level)
    if wanted is None:
        return ""
    repeats, cases = wanted[0], max(wanted[1], fewest_cases(level))
    many, units = plural(repeats, repeat), plural(cases, noun)
    if repeats > REALISTIC * doubt.repeats or cases > REALISTIC * doubt.cases:
        return NO_SAMPLE
    if repeats == doubt.repeats:
        return f"About {units}, in the same {many}, would decide a difference of this size."
    if cases == doubt.cases:
        return f"About {many}, on the same {several(noun)}, would decide a difference of this size."
    return f"About {many} and {units} would decide a difference of this size."
