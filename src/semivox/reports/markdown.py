"""The table of a study as Markdown, for a README or a wiki."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from semivox.core.files import write_text
from semivox.evaluation.metrics import METRICS
from semivox.experiments.groups import Estimate
from semivox.experiments.verdict import COMPARED
from semivox.reports.page import TextTable, number, printable
from semivox.reports.table import Line, by_labeled_set, family_of, worth

SHOWN = ("dice", "hd95_mm", "assd_mm")
"""Scores with a column of their own; table.csv has all."""
MEANINGFUL = str.maketrans({character: "\\" + character for character in "\\`*_[]|~"})
"""Characters that mean something to Markdown."""


def write_markdown(path: Path, lines: Sequence[Line], title: str) -> None:
    """A table per labeled set, under what its numbers were made with; replaced in one step. Raises SemivoxError."""
    write_text(path, "\n".join([f"# {plain(title)}\n", *map(_labeled_set, by_labeled_set(lines))]))


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return html.escape(printable(" ".join(text.split())), quote=False).translate(MEANINGFUL)


def _labeled_set(lines: Sequence[Line]) -> str:
    compared = [heading for score in COMPARED for heading in (f"{METRICS[score].title}, to its twin", "verdict")]
    columns = ["method", *(METRICS[score].title for score in SHOWN), "undefined", *compared, "minutes", "memory, GB"]
    rows = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *map(_row, lines)]
    about = plain("; ".join(f"{key} {value}" for key, value in lines[0].shared.items()))
    note = (
        "Mean [95 % interval]; a difference is paired by case, its verdict corrected for "
        f"{family_of(lines)} comparisons (Holm). "
        f"Undefined: objects missed or invented, which have no distance. {about}."
    )
    own = [f"- {plain(line.arm)}: {plain(said)}" for line in lines if (said := line.own)]
    held = worth(lines)
    further = [] if held is None else [*_table(held), ""]
    return "\n".join(
        [f"## {plain(lines[0].labeled_set)}\n", note, "", *rows, "", *own, *([""] if own else []), *further]
    )


def _table(table: TextTable) -> list[str]:
    """A table of plain text, its notes below it."""
    rows = [f"| {' | '.join(map(plain, row))} |" for row in (table.heads, *table.rows)]
    return [
        f"{plain(table.caption)}:",
        "",
        rows[0],
        "|" + "---|" * len(table.heads),
        *rows[1:],
        "",
        *map(plain, table.notes),
    ]


def _row(line: Line) -> str:
    cells = [plain(line.arm), *(_with_interval(line.scores[score], score) for score in SHOWN)]
    cells.append(str(line.scores["hd95_mm"].undefined))
    for score in COMPARED:
        found = line.comparisons.get(score)
        ends = "" if found is None else ", ".join(number(end, score, signed=True) for end in (found.low, found.high))
        cells += ["", ""] if found is None else [f"{number(found.difference, score, True)} [{ends}]", found.verdict]
    cells.append("" if line.minutes is None else f"{line.minutes:.0f}")
    cells.append("" if line.memory_gb is None else f"{line.memory_gb:.1f}")
    return f"| {' | '.join(cells)} |"


def _with_interval(estimate: Estimate, score: str) -> str:
    mean = number(estimate.mean, score)
    if estimate.penalized is not None and estimate.undefined:
        return f"{mean}; {number(estimate.penalized, score)} with the diagonal"
    if estimate.low is None or estimate.high is None:
        return mean
    return f"{mean} [{number(estimate.low, score)}, {number(estimate.high, score)}]"
