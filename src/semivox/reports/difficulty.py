"""Scores by difficulty: cases sorted by how far their shape is from common ones, in six groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from semivox.data import layouts
from semivox.evaluation.aggregation import case_means
from semivox.evaluation.difficulty import FILE, deviations, read_difficulty, write_difficulty
from semivox.evaluation.metrics import METRICS
from semivox.experiments.results import Results
from semivox.pipeline.progress import ProgressDisplay
from semivox.reports.page import TextTable, number

GROUPS = 6
"""Of about equal size, as in the paper's test set."""
FEWEST = 2
"""Cases in a group."""
SCORES = ("jaccard", "hd95_mm")
"""The paper's."""


def measure_difficulty(results: Results, out: Path, progress: ProgressDisplay) -> None:
    """Write ``out/difficulty.csv`` for the scored cases of a study, unless it is there."""
    if known_difficulty(results, out):
        return
    run = next(iter(results.groups[0].runs.values()))
    values = [info.value for info in run.plan.classes[1:]]
    with progress.bar("measuring difficulty") as count:
        training = (*run.split.labeled, *run.split.unlabeled)
        dataset = layouts.find(Path(results.record.data))
        write_difficulty(out / FILE, deviations(dataset, training, run.scored, values, count))


def known_difficulty(results: Results, out: Path) -> dict[str, float]:
    """The scores of the study's test cases: of the report's folder, else of a data set of patches; empty if neither."""
    root = Path(results.record.data)
    for path in (out / FILE, (root if root.is_dir() else root.parent) / FILE):
        if path.exists():
            scored = {row.case for group in results.groups for run in group.runs.values() for row in run.rows}
            return {case: value for case, value in read_difficulty(path).items() if case in scored}
    return {}


def grouped(found: Mapping[str, float]) -> list[list[str]]:
    """Cases from common to unusual shapes, in up to six groups of about equal size."""
    order = sorted(found, key=lambda case: (found[case], case))
    groups = max(1, min(GROUPS, len(order) // FEWEST))
    return [list(part) for part in np.array_split(np.array(order, dtype=object), groups)]


def strata(results: Results, labeled_set: str, found: Mapping[str, float]) -> tuple[TextTable, ...]:
    """A table per score: a row per method, a column per group of difficulty."""
    groups = grouped(found)
    heads = ["Method"]
    for cases in groups:
        low, high = found[cases[0]], found[cases[-1]]
        heads.append(f"{low:.2f}–{high:.2f} ({len(cases)})")
    tables = []
    for score in SCORES:
        rows = []
        for group in results.of(labeled_set):
            per_run = [case_means(rows, score) for rows in group.scores.values()]
            cells = []
            for cases in groups:
                values = [run[case] for run in per_run for case in cases if case in run]
                cells.append(number(float(np.mean(values)) if values else None, score))
            rows.append((group.arm.name, *cells))
        heading = f"{METRICS[score].title} by difficulty: surface deviation score from, to, mm (cases)"
        tables.append(TextTable(heading, tuple(heads), tuple(rows)))
    return tuple(tables)
