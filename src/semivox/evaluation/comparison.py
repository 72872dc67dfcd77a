"""Is one method better than another on the same cases, by how much, and how sure is that?

One rule for two single runs and for a whole study with its draws, seeds and many methods: a difference counts only if
its 95 % interval excludes 0, and Wilcoxon's signed-rank test agrees in direction with p < 0.05, corrected for the
number of comparisons (Holm). Otherwise the answer is "inconclusive", with about what sample would decide it. Where
several cases are of one patient or scan, these are what is counted (``aggregation``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from semivox.core.frozen import Frozen
from semivox.core.plurals import plural
from semivox.evaluation.aggregation import (
    EACH_ITS_OWN,
    Units,
    by_draw,
    counted,
    repeats_of,
)
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.nested_bootstrap import Nested, nested
from semivox.evaluation.paired import Runs, paired
from semivox.evaluation.ranks import holm
from semivox.evaluation.sample_size import FEWEST_CASES, LEVEL, sample_needed
from semivox.evaluation.score import Row

Verdict = Literal["better", "worse", "inconclusive"]


class Comparison(Frozen):
    """One score of two methods, A and B, on the same draws, seeds and cases.

    With several draws or seeds the interval is nested over these and units, and the p value is the larger one of the
    signed-rank test, on the units' mean differences, and of the nested bootstrap.
    """

    a: str
    b: str
    score: str
    draws: int
    seeds: int
    """In each draw, at most."""
    cases: int
    units: int
    """Patients or scans that the cases are of; as many as cases where each is one of its own. All tests count these."""
    left_out: int
    """Objects (case, class) without a value: reference and predictions lack the class, or no diagonal is known."""
    mean_a: float
    mean_b: float
    difference: float
    """A minus B: the mean over draws of their seeds' means; each over units, their cases, and their classes."""
    low: float | None
    """Lower end of the 95 % interval of the difference; None below two units."""
    high: float | None
    p_value: float
    """Two-sided."""
    p_holm: float
    """The same, corrected for the number of comparisons."""
    family: int = 1
    """How many comparisons it was corrected for."""
    agreeing: bool
    """Whether interval, ranks and mean point the same way."""
    doubt: Nested | None
    """Where the doubt comes from, repeats or units; None where it cannot be told."""
    verdict: Verdict = "inconclusive"
    """Of A, against B."""
    needed: str = ""
    """About what sample would decide a difference of this size, in words; empty where it is decided or is 0."""
    words: str = ""
    """The result in a sentence or two."""

    @property
    def noun(self) -> str:
        """What is counted."""
        return "case" if self.units == self.cases else "patient or scan"

    @property
    def why_open(self) -> str:
        """What is missing for a verdict, without a full stop; empty where there is one.

        Beside an interval that leaves 0 out, nobody would guess it.
        """
        if self.verdict != "inconclusive":
            return ""
        if self.low is None or self.high is None or self.units < FEWEST_CASES:
            fewest = plural(FEWEST_CASES, self.noun)
            return f"with fewer than {fewest} no difference can reach p < {LEVEL}, whatever they show"
        if self.low <= 0 <= self.high:
            return "the 95 % interval of the difference holds 0"
        if self.p_value >= LEVEL:
            return f"the interval leaves 0 out, but p = {self.p_value:.2g}, and p < {LEVEL} is asked for as well"
        if self.p_holm >= LEVEL:
            return (
                f"the interval leaves 0 out and p = {self.p_value:.2g}, but corrected for the {self.family} "
                f"comparisons that were made (Holm) p = {self.p_holm:.2g}, and p < {LEVEL} is asked for"
            )
        return "mean and ranks of the differences point in different directions"

    @property
    def why_open_all_the_same(self) -> str:
        """``why_open`` where the interval leaves 0 out, so that a reader takes it for decided; else empty."""
        leaves_out = self.low is not None and self.high is not None and self.low * self.high > 0
        return self.why_open if leaves_out else ""


def compare(
    a_runs: Runs, b_runs: Runs, score: str, names: tuple[str, str], seed: int = 0, units: Units = EACH_ITS_OWN
) -> Comparison:
    """Compare two methods over the draws and seeds that both have, on the cases that all their runs scored.

    Per case, the score is averaged over the same classes for both. A missed or invented object enters a distance with
    the scan's diagonal, so that missing never looks good, and predicting nothing where there is nothing is perfect if
    the other method invents something; a volume error enters by its size. ``units``: cases of one patient or scan count
    as one. Raises InputError for an unknown score, no common run, no common value, or runs of different cases.
    """
    both = paired(a_runs, b_runs, score, names, units)
    differences = both.differences
    p_value, low, high, agreeing, doubt = _judged(repeats_of(differences, both.draws), seed)
    mean_a, mean_b, difference = (by_draw(one, both.draws).mean() for one in (*both.values, differences))
    return _concluded(
        Comparison(
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
    )


def compare_rows(
    a_rows: Sequence[Row],
    b_rows: Sequence[Row],
    score: str = "dice",
    names: tuple[str, str] = ("A", "B"),
    units: Units = EACH_ITS_OWN,
) -> Comparison:
    """Compare two score tables of the same cases, one of each method. Raises InputError as ``compare`` does."""
    return compare({(0, 0): a_rows}, {(0, 0): b_rows}, score, names, units=units)


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons, each with its p value corrected for all of them."""
    adjusted = holm([one.p_value for one in comparisons])
    return [
        _concluded(one.model_copy(update={"p_holm": p, "family": len(comparisons)}))
        for one, p in zip(comparisons, adjusted, strict=True)
    ]


def signed_rank(differences: np.ndarray) -> tuple[float, float]:
    """Wilcoxon's two-sided p value, and the sign of what it found: +1 where positive ranks prevail."""
    differences = differences[differences != 0]
    if len(differences) == 0:
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(differences))
    direction = float(np.sign((np.sign(differences) * ranks).sum()))
    return float(stats.wilcoxon(differences).pvalue), direction


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


def _concluded(found: Comparison) -> Comparison:
    """With the verdict that the numbers allow, what sample would decide it, and both in words."""
    verdict: Verdict = "inconclusive"
    if found.agreeing and found.units >= FEWEST_CASES and found.p_holm < LEVEL:
        verdict = "better" if (found.difference > 0) == METRICS[found.score].higher_is_better else "worse"
    needed = ""
    if found.doubt is not None and verdict == "inconclusive":  # at the level that the correction leaves
        needed = sample_needed(found.doubt, LEVEL / found.family, "draw" if found.draws > 1 else "seed", found.noun)
    decided = found.model_copy(update={"verdict": verdict, "needed": needed})
    return decided.model_copy(update={"words": _words(decided)})


def _words(found: Comparison) -> str:
    """The result in a sentence or two."""
    metric = METRICS[found.score]
    interval = "" if found.low is None else f", 95 % interval {found.low:+.3g} to {found.high:+.3g}"
    p = f"p = {found.p_holm:.2g}" + (f", corrected for {found.family} comparisons" if found.family > 1 else "")
    numbers = (
        f"{metric.title} {found.mean_a:.4g} against {found.mean_b:.4g}, difference {found.difference:+.3g}{interval}, "
        f"{p}, {counted(found.units, found.cases)}, {_scope(found)}"
    )
    if found.left_out:
        numbers += f"; {plural(found.left_out, 'object')} that neither reference nor prediction shows left out"
    if found.verdict != "inconclusive":
        return f"{found.a} is {found.verdict} than {found.b}: {numbers}."
    said = f"Inconclusive whether {found.a} differs from {found.b}: {numbers}. Not decided: {found.why_open}."
    return f"{said} {found.needed}".rstrip()


def _scope(found: Comparison) -> str:
    """For which draws and seeds it holds."""
    if found.draws > 1:
        return f"over {found.draws} draws of the labeled cases"
    return (
        f"over {found.seeds} seeds, for these labeled cases only"
        if found.seeds > 1
        else ("for these labeled cases and this seed only")
    )
