"""Scores by difficulty: cases sorted by how far their shape is from common ones, in six groups.

Used for tables only. The labels that build the shape models are those of training cases, also of ones that a setting
treats as unlabeled; nothing of it reaches a training.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.sheets import meant, write_sheet
from semivox.data import layouts
from semivox.data.dataset import Dataset, Entry
from semivox.data.formats.volume import read_label
from semivox.evaluation.levels import case_means
from semivox.evaluation.shape_model import ShapeModel
from semivox.study.progress import Count, Narrator
from semivox.study.reports.page import HEADINGS, TextTable, number
from semivox.study.reports.results import Results

FILE = "difficulty.csv"
"""Case and score, beside cases.csv of a data set of patches, or in a study's report."""
GROUPS = 6
"""Of about equal size, as in the paper's test set."""
FEWEST = 2
"""Cases in a group."""
SCORES = ("jaccard", "hd95_mm")
"""The paper's."""


def deviations(
    dataset: Dataset, training: Sequence[str], scored: Sequence[str], values: Sequence[int], count: Count
) -> dict[str, float]:
    """Case -> surface deviation score in mm, mean over the classes (label ``values``) that the case shows."""
    models: dict[int, ShapeModel] = {}
    labels = [_label(dataset.entry(name)) for name in training if dataset.entry(name).label is not None]
    for value in values:
        masks = [(array == value, spacing) for array, spacing in labels if (array == value).any()]
        if masks:
            models[value] = ShapeModel.fit([mask for mask, _ in masks], [spacing for _, spacing in masks])
    found = {}
    for done, name in enumerate(scored, 1):
        array, spacing = _label(dataset.entry(name))
        ours = [models[value].deviation(array == value, spacing) for value in models]
        if known := [one for one in ours if one is not None]:
            found[name] = float(np.mean(known))
        count(done, len(scored))
    return found


def measure_difficulty(results: Results, out: Path, tell: Narrator) -> None:
    """Write ``out/difficulty.csv`` for the scored cases of a study, unless it is there."""
    if known_difficulty(results, out):
        return
    run = next(iter(results.groups[0].runs.values()))
    values = [info.value for info in run.plan.classes[1:]]
    with tell.bar("measuring difficulty") as count:
        training = (*run.split.labeled, *run.split.unlabeled)
        dataset = layouts.find(Path(results.record.data))
        write_difficulty(out / FILE, deviations(dataset, training, run.split.test, values, count))


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


def strata(results: Results, setting: str, found: Mapping[str, float]) -> tuple[TextTable, ...]:
    """A table per score: a row per method, a column per group of difficulty."""
    groups = grouped(found)
    heads = ["Method"]
    for cases in groups:
        low, high = found[cases[0]], found[cases[-1]]
        heads.append(f"{low:.2f}–{high:.2f} ({len(cases)})")
    tables = []
    for score in SCORES:
        rows = []
        for group in results.of(setting):
            per_run = [case_means(rows, score) for rows in group.scores.values()]
            cells = []
            for cases in groups:
                values = [run[case] for run in per_run for case in cases if case in run]
                cells.append(number(float(np.mean(values)) if values else None, score))
            rows.append((group.arm.name, *cells))
        heading = f"{HEADINGS[score][0]} by difficulty: surface deviation score from, to, mm (cases)"
        tables.append(TextTable(heading, tuple(heads), tuple(rows)))
    return tuple(tables)


def write_difficulty(path: Path, found: Mapping[str, float]) -> None:
    """Write case and score, replacing the file in one step."""
    write_sheet(
        path, ["case_id", "deviation_mm"], ([case, float(round(value, 4))] for case, value in sorted(found.items()))
    )


def read_difficulty(path: Path) -> dict[str, float]:
    """Read it back. Raises InputError naming the file."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return {meant(row["case_id"]): float(row["deviation_mm"]) for row in csv.DictReader(stream)}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a table of case_id,deviation_mm: {error}") from error


def _label(entry: Entry) -> tuple[np.ndarray, tuple[float, float, float]]:
    assert entry.label is not None
    volume = read_label(entry.label)
    return volume.array[0], volume.spacing
