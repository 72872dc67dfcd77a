"""What a reader of a summary must not overlook: models that are not fit for use, and trainings that went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.plurals import plural
from semivox.evaluation.aggregation import case_means
from semivox.evaluation.score import Row
from semivox.experiments.groups import Group
from semivox.experiments.results import Results
from semivox.experiments.runs import Run
from semivox.training.folder import RunFolder
from semivox.training.health import RETURNED, VANISHED
from semivox.training.run_log import Row as LogRow

UNFIT = 0.3
"""Mean Dice below which less than a fifth of prediction and reference together is shared (Jaccard 0.18)."""


def health_warnings(results: Results, runs: Sequence[Run]) -> tuple[str, ...]:
    """Classes that are hardly found, folds that failed, and what each training warned of."""
    listed = [line for group in results.groups for line in (*_classes(group), *_folds(group))]
    return (*listed, *training_warnings(results.folder, runs))


def _classes(group: Group) -> list[str]:
    """Classes whose mean Dice over all runs of a group shows that the model is not fit for use."""
    rows = [row for own in group.scores.values() for row in own]
    listed = []
    for name in dict.fromkeys(row.class_name for row in rows):
        mean = _mean_dice([row for row in rows if row.class_name == name])
        if mean is not None and mean < UNFIT:
            where = f"{group.labeled_set}, " if group.labeled_set else ""
            listed.append(
                f"{where}{group.arm.name}: {name} is hardly found (mean Dice {mean:.3f}); this model is unfit for use."
            )
    return listed


def _folds(group: Group) -> list[str]:
    """Folds that failed where the others did not."""
    listed = []
    for run in group.runs.values():
        means = {folder: _mean_dice(rows) for folder, rows in zip(run.folders, run.rows_of, strict=True)}
        known = {folder: mean for folder, mean in means.items() if mean is not None}
        if len(known) > 1 and max(known.values()) >= UNFIT:
            listed += [
                f"{group.arm.name}: the model of fold {_fold(folder)} failed (mean Dice {mean:.3f}; the best fold has "
                f"{max(known.values()):.3f})."
                for folder, mean in known.items()
                if mean < UNFIT
            ]
    return listed


def training_warnings(folder: Path, runs: Sequence[Run]) -> tuple[str, ...]:
    """What trainings warned of (a class that vanished, gradients that were not finite, ...), each text once (of a class
    that vanished: once an arm)."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for run in runs:
        for row in still_so(RunFolder(folder / run.name).warned()):
            # a class that vanished speaks against one arm's model: each arm says it itself
            arm = run.place.arm if row.get("code") == VANISHED else ""
            found.setdefault((arm, row["text"]), []).append((run.name, row["step"]))
    return tuple(f"{_where(places)}: {text}" for (_, text), places in found.items())


def still_so(rows: Sequence[LogRow]) -> list[LogRow]:
    """What was warned of, without the classes that vanished and came back: that they did is told instead."""
    both = (VANISHED, RETURNED)
    last = {row["about"]: place for place, row in enumerate(rows) if row.get("code") in both and row.get("about")}
    return [
        row
        for place, row in enumerate(rows)
        if row.get("code") not in both or last.get(row.get("about"), place) == place
    ]


def _where(places: Sequence[tuple[str, int]]) -> str:
    """``supervised, step 8``, with how many further trainings said the same."""
    (name, step), runs = places[0], {run for run, _ in places}
    more = f" (and in {plural(len(runs) - 1, 'other training')})" if len(runs) > 1 else ""
    return f"{name}, step {step}{more}"


def _mean_dice(rows: Sequence[Row]) -> float | None:
    found = case_means(rows, "dice")
    return float(np.mean(list(found.values()))) if found else None


def _fold(run: Path) -> str:
    """The number of the fold that a run folder belongs to."""
    parts = run.parts
    return parts[len(parts) - 1 - parts[::-1].index("folds") + 1]
