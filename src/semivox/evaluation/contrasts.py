"""Is one method of a study better than another, over all draws, seeds and cases, when many are compared at once?

A difference counts only if its 95 % interval excludes 0, and its p value, corrected for the number of comparisons
(Holm), is below 0.05. Otherwise the answer is "inconclusive", with about what sample would decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from semivox.core.errors import InputError
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.intervals import FEWEST_CASES, LEVEL, POWER, Difference, cases_needed, paired_means, signed_rank
from semivox.evaluation.nested import needed, nested
from semivox.evaluation.ranks import holm
from semivox.evaluation.score import HIGHER_IS_BETTER, Row

Runs = Mapping[tuple[int, int], Sequence[Row]]
"""(draw, seed) -> the scores of one method's run."""


class Contrast(Difference):
    """A difference over the same draws, seeds and cases.

    With several draws or seeds the interval is nested over these and cases, and the p value is the larger one of the
    signed-rank test, on the cases' mean differences, and of the nested bootstrap.
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
    needed: str
    """About what sample would decide a difference of this size with power 0.8, in words; empty if there is none."""

    @property
    def verdict(self) -> Literal["better", "worse", "inconclusive"]:
        """Of A, against B."""
        if not (self.agreeing and self.cases >= FEWEST_CASES and self.p_holm < LEVEL):
            return "inconclusive"
        return "better" if (self.difference > 0) == (self.score in HIGHER_IS_BETTER) else "worse"

    @property
    def scope(self) -> str:
        """For which draws and seeds it holds."""
        if self.draws > 1:
            return f"over {self.draws} draws of the labeled cases"
        return f"over {self.seeds} seeds, for this draw only" if self.seeds > 1 else "for this draw and seed only"

    @property
    def words(self) -> str:
        """The result in a sentence or two."""
        numbers = f"{self.numbers}, corrected p = {self.p_holm:.2g}, {self.cases} cases, {self.scope}"
        if self.left_out:
            numbers += (
                f"; {self.left_out} values of a class that a reference lacks have no counterpart and are left out"
            )
        if self.verdict != "inconclusive":
            return f"{self.a} is {self.verdict} than {self.b}: {numbers}."
        return f"Inconclusive whether {self.a} differs from {self.b}: {numbers}.{self.needed and ' ' + self.needed}"


def contrast(a_runs: Runs, b_runs: Runs, score: str, names: tuple[str, str], seed: int = 0) -> Contrast:
    """Compare two methods over the draws and seeds that both have, on the cases that all their runs scored.

    Raises InputError for an unknown score, no common run, or runs of different cases.
    """
    common = sorted(set(a_runs) & set(b_runs))
    if not common:
        raise InputError(f"{names[0]} and {names[1]} have no draw and seed in common, so nothing can be compared")
    pairs, left_out = {}, 0
    for key in common:
        pairs[key], missing = paired_means(a_runs[key], b_runs[key], score)
        left_out += missing
    first = pairs[common[0]]
    cases = [case for case in first if all(case in of_run for of_run in pairs.values())]
    if not cases:
        raise InputError(f"no case has a value of {score} in every run of {names[0]} and {names[1]}")
    values = np.array([[pairs[key][case] for case in cases] for key in common])  # (runs, cases, 2)
    differences = np.round(values[..., 0] - values[..., 1], 12)  # equal ones must tie for the ranks
    p_value, low, high, agreeing, sample = _judged(differences, common, seed)
    draws = {draw for draw, _ in common}
    return Contrast(
        a=names[0],
        b=names[1],
        score=score,
        draws=len(draws),
        seeds=max(sum(draw == one for draw, _ in common) for one in draws),
        cases=len(cases),
        left_out=left_out,
        mean_a=float(_means(values[..., 0], common).mean()),
        mean_b=float(_means(values[..., 1], common).mean()),
        difference=float(_means(differences, common).mean()),
        low=low,
        high=high,
        p_value=p_value,
        p_holm=p_value,
        agreeing=agreeing,
        needed=sample,
    )


def corrected(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The same comparisons, each with its p value corrected for all of them."""
    adjusted = holm([one.p_value for one in contrasts])
    return [
        one.model_copy(update={"p_holm": p, "family": len(contrasts)})
        for one, p in zip(contrasts, adjusted, strict=True)
    ]


def _judged(
    differences: np.ndarray, keys: Sequence[tuple[int, int]], seed: int
) -> tuple[float, float | None, float | None, bool, str]:
    """p value, interval, whether all agree, and what sample would decide; differences (runs, cases)."""
    by_repeat = _means(differences, keys) if len({draw for draw, _ in keys}) > 1 else differences
    of_case = np.round(by_repeat.mean(0), 12)
    p_value, direction = signed_rank(of_case)
    mean = float(by_repeat.mean())
    if len(by_repeat) > 1 and len(of_case) > 1:
        found = nested(by_repeat, seed)
        p_value, low, high = max(p_value, found.p_value), found.low, found.high
        sample = _sample(needed(found, POWER, LEVEL), by_repeat.shape, len({draw for draw, _ in keys}) > 1)
    else:
        interval = mean_interval(of_case, seed=seed)
        if interval is None:
            return p_value, None, None, False, ""
        low, high, count = interval.low, interval.high, cases_needed(of_case)
        sample = "" if count is None else f"About {count} cases would decide a difference of this size."
    return p_value, low, high, low * high > 0 and direction * mean > 0, sample


def _sample(wanted: tuple[int, int] | None, now: tuple[int, ...], drawn: bool) -> str:
    """What would decide, in words."""
    if wanted is None:
        return ""
    repeats, cases = wanted
    many = f"{repeats} {'draws' if drawn else 'seeds'}"
    if repeats == now[0]:
        return f"About {cases} cases, in the same {many}, would decide a difference of this size."
    if cases == now[1]:
        return f"About {many}, on the same cases, would decide a difference of this size."
    return f"About {many} and {cases} cases would decide a difference of this size."


def _means(values: np.ndarray, keys: Sequence[tuple[int, int]]) -> np.ndarray:
    """Seeds averaged: (runs, cases) -> (draws, cases)."""
    return np.array(
        [
            values[[index for index, key in enumerate(keys) if key[0] == draw]].mean(0)
            for draw in sorted({draw for draw, _ in keys})
        ]
    )
