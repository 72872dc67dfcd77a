"""A score table in short: means, how sure they are, and how many cases have no value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from semivox.core.frozen import Frozen
from semivox.core.plurals import plural
from semivox.evaluation.aggregation import EACH_ITS_OWN, Units, by_unit, names_of, value_of
from semivox.evaluation.bootstrap import grouped_mean, mean_interval
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.score import Empty, Row

SHOWN = ("dice", "jaccard", "hd95_mm", "assd_mm", "nsd_1mm", "volume_error_ml")
"""The scores of the text table; the others are in the files."""


class Statistic(Frozen):
    """One score over the cases of a table."""

    mean: float | None
    """Over defined values; over several classes: the mean of the classes' means."""
    low: float | None
    """Lower end of the 95 % bootstrap interval over cases (BCa); None below two. Cases of one patient count as one."""
    high: float | None
    defined: int
    """Values that went into the mean."""
    undefined: int
    """Objects that only one of the two masks holds, so that there is no distance."""
    not_applicable: int
    """Cases in which neither mask holds the class."""
    mean_with_diagonal: float | None = None
    """Distances only: the mean with the scan's diagonal in place of undefined values."""


class ScoreSummary(Frozen):
    """What a score table says, per class and over classes."""

    cases: int
    units: int | None = None
    """Patients or scans that the cases are of, which weigh alike in means; None: each case is one of its own."""
    classes: Mapping[str, Mapping[str, Statistic]]
    """Class name -> score -> statistic."""
    overall: Mapping[str, Statistic]
    """Score -> statistic over all classes."""
    empty: Mapping[str, Mapping[Empty, int]]
    """Class name -> which mask was empty -> number of cases."""


def summarize(rows: Sequence[Row], seed: int = 0, units: Units = EACH_ITS_OWN) -> ScoreSummary:
    """Means and intervals of a table, (case, class) by (case, class). The seed decides the bootstrap's resamples.

    ``units``: cases of one patient or scan are averaged first, and count as one.
    """
    cases = list(dict.fromkeys(row.case for row in rows))
    classes = list(dict.fromkeys(row.class_name for row in rows))
    per_class = {name: [row for row in rows if row.class_name == name] for name in classes}
    names = names_of(cases, units)
    return ScoreSummary(
        cases=len(cases),
        units=None if len(names) == len(cases) else len(names),
        classes={name: _statistics(own, cases, [name], units, seed) for name, own in per_class.items()},
        overall=_statistics(rows, cases, classes, units, seed),
        empty={name: dict(Counter(row.empty for row in own)) for name, own in per_class.items()},
    )


def summary_text(rows: Sequence[Row], seed: int = 0) -> str:
    """A plain text table of a score table: a line per class, mean and 95 % interval, and what is undefined."""
    summary = summarize(rows, seed)
    lines: dict[str, Mapping[str, Statistic]] = dict(summary.classes)
    if len(lines) > 1:
        lines["mean of classes"] = summary.overall
    table = [["class", *SHOWN]]
    table += [[name, *(_cell(statistics[score]) for score in SHOWN)] for name, statistics in lines.items()]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    heading = f"{plural(summary.cases, 'case')}: mean [95 % interval over cases]"
    return "\n".join([heading, *text, *_remarks(summary)])


def _statistics(
    rows: Sequence[Row], cases: Sequence[str], classes: Sequence[str], units: Units, seed: int
) -> dict[str, Statistic]:
    """Every score of some rows, over units and classes."""
    found = {}
    for score in METRICS:
        values, filled = (by_unit(table.T, cases, units).T for table in _tables(rows, cases, classes, score))
        found[score] = _statistic(rows, values, filled, score, seed)
    return found


def _tables(
    rows: Sequence[Row], cases: Sequence[str], classes: Sequence[str], score: str
) -> tuple[np.ndarray, np.ndarray]:
    """One score, (cases, classes) with NaN where undefined; and the same with the diagonal for undefined distances."""
    values = np.full((len(cases), len(classes)), np.nan)
    filled = values.copy()
    place = {case: index for index, case in enumerate(cases)}
    column = {name: index for index, name in enumerate(classes)}
    for row in rows:
        at = place[row.case], column[row.class_name]
        values[at] = filled[at] = np.nan if getattr(row, score) is None else getattr(row, score)
        if (
            row.empty in ("prediction", "reference")
            and METRICS[score].kind == "distance"
            and row.diagonal_mm is not None
        ):
            filled[at] = row.diagonal_mm
    return values, filled


def _statistic(rows: Sequence[Row], values: np.ndarray, filled: np.ndarray, score: str, seed: int) -> Statistic:
    """One score of some rows; ``values`` and ``filled``: (units, classes)."""
    defined = sum(getattr(row, score) is not None for row in rows)
    not_applicable = sum(row.empty == "both" for row in rows)
    undefined = len(rows) - not_applicable - defined
    lost = any(row.empty != "both" and value_of(row, score) is None for row in rows)
    interval = mean_interval(values, seed=seed)
    return Statistic(
        mean=_mean(values),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        defined=defined,
        undefined=undefined,
        not_applicable=not_applicable,
        mean_with_diagonal=_mean(filled) if METRICS[score].kind == "distance" and not lost else None,
    )


def _mean(values: np.ndarray) -> float | None:
    """The mean over classes of the mean over units, (units, classes) with NaN where undefined; None if nothing is."""
    mean = float(grouped_mean(values, np.ones((1, len(values))))[0])
    return None if np.isnan(mean) else mean


def _cell(statistic: Statistic) -> str:
    """``0.812 [0.790, 0.831]``, or a dash where nothing is defined."""
    if statistic.mean is None:
        return "-"
    if statistic.low is None or statistic.high is None:
        return f"{statistic.mean:.3f}"
    return f"{statistic.mean:.3f} [{statistic.low:.3f}, {statistic.high:.3f}]"


def _remarks(summary: ScoreSummary) -> list[str]:
    """What the means leave out, in words; nothing where they leave out nothing."""
    lines = []
    for name, counts in summary.empty.items():
        if missed := counts.get("prediction", 0):
            lines.append(f"{name}: missed altogether in {missed} of {summary.cases} cases (Dice 0, no distance).")
        if invented := counts.get("reference", 0):
            lines.append(f"{name}: predicted where there is none in {invented} of {summary.cases} cases (Dice 0).")
        if absent := counts.get("both", 0):
            lines.append(f"{name}: neither predicted nor drawn in {absent} of {summary.cases} cases (not scored).")
        hd95 = summary.classes[name]["hd95_mm"]
        if hd95.undefined and hd95.mean_with_diagonal is not None:
            instead = f"{hd95.mean_with_diagonal:.3f}"
            lines.append(f"{name}: hd95_mm is {instead} with the scan's diagonal in place of undefined values.")
    return lines
