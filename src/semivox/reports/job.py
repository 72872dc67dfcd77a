"""Fills the report of a job from what stands in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from semivox.core.plan import Plan
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats.volume import read, read_label
from semivox.data.prepared.prepare import class_indices
from semivox.evaluation.aggregation import by_place, values_at
from semivox.evaluation.score import Row
from semivox.evaluation.summary import Statistic
from semivox.evaluation.tables import read_scores
from semivox.experiments.verdict import Summary, provenance_line
from semivox.pipeline.predict import prediction_of
from semivox.reports.curves import training_curves
from semivox.reports.overlay import overlay
from semivox.reports.page import Estimate, Outcome, PairedCase, Picture, ReportData, ScoreRow, write_report
from semivox.training.folder import RunFolder

SHOWN = ("dice", "hd95_mm", "assd_mm", "nsd_1mm", "volume_error_ml")
"""Scores in the report's table; the others are in scores.csv."""


def report_job(out: Path, dataset: Dataset) -> Path:
    """Write report.html of a finished job; returns its path."""
    summary, plan = Summary.load(out / "summary.json"), Plan.load(out / "plan.json")
    runs = {arm: [run for run in _runs(out, arm) if (run / "scores.csv").exists()] for arm in arms_of(summary)}
    rows = {arm: [(run, row) for run in folders for row in read_scores(run)] for arm, folders in runs.items()}
    outcome: dict[str, Outcome] = {"helped": "better", "hurt": "worse", "inconclusive": "inconclusive"}
    data = ReportData(
        title=f"{summary.provenance.dataset}: did the unlabeled scans help?",
        verdict=summary.answer,
        outcome=outcome[summary.verdict],
        details=tuple(provenance_line(summary.provenance).splitlines()),
        warnings=tuple(
            f"{arm}, step {row['step']}: {row['text']}" for arm in runs for row in RunFolder(out / arm).warned()
        ),
        rows=_table(summary),
        baseline=summary.twin,
        candidate=summary.method,
        paired=paired_cases([row for _, row in rows[summary.twin]], [row for _, row in rows[summary.method]]),
        curves=training_curves({arm: RunFolder(out / arm).logged() for arm in arms_of(summary)}),
        pictures=_pictures(summary, plan, dataset, rows),
        provenance={key: str(value) for key, value in summary.provenance.model_dump().items()},
        reasons=dict(plan.reasons),
    )
    write_report(data, out / "report.html")
    return out / "report.html"


def arms_of(summary: Summary) -> tuple[str, str]:
    """The twin, then the method."""
    return summary.twin, summary.method


def _runs(out: Path, arm: str) -> list[Path]:
    """The run folders of an arm: the one to use, then those of the folds."""
    return [out / arm, *(path / arm for path in sorted(out.glob("folds/*"), key=lambda path: int(path.name)))]


def _table(summary: Summary) -> tuple[ScoreRow, ...]:
    """A row per class and arm, and one over all classes."""
    rows = []
    for arm in (name for name in arms_of(summary) if name in summary.arms):
        scores = summary.arms[arm]
        lines = dict(scores.classes) | ({"mean of classes": scores.overall} if len(scores.classes) > 1 else {})
        rows += [
            ScoreRow(arm, name, scores.cases, {score: _estimate(values[score]) for score in SHOWN})
            for name, values in lines.items()
        ]
    return tuple(sorted(rows, key=lambda row: row.class_name))


def _estimate(statistic: Statistic) -> Estimate:
    return Estimate(statistic.mean, statistic.low, statistic.high, statistic.undefined)


def paired_cases(twin: Sequence[Row], method: Sequence[Row]) -> tuple[PairedCase, ...]:
    """Dice of both arms for each case and class, as their comparison takes it."""
    other = by_place(method)
    both = [(row, other[row.case, row.class_name]) for row in twin if (row.case, row.class_name) in other]
    return tuple(PairedCase(row.case, row.class_name, *values_at((row, its), "dice")) for row, its in both)


def _pictures(
    summary: Summary, plan: Plan, dataset: Dataset, rows: dict[str, list[tuple[Path, Row]]]
) -> tuple[Picture, ...]:
    """The worst, the middle and the best case of the method, beside the twin's segmentation of it."""
    dice: dict[str, list[float]] = {}
    for _, row in rows[summary.method]:
        if row.dice is not None:
            dice.setdefault(row.case, []).append(row.dice)
    ranked = sorted(dice, key=lambda case: float(np.mean(dice[case])))
    wanted = {"worst": 0, "middle": len(ranked) // 2, "best": len(ranked) - 1}
    chosen = {ranked[index]: word for word, index in wanted.items()} if ranked else {}
    where = {arm: {row.case: run for run, row in pairs} for arm, pairs in rows.items()}
    pictures = []
    for case, word in chosen.items():
        runs = {arm: where[arm][case] for arm in arms_of(summary)}
        caption = f"{case}: the {word} of {len(ranked)} scans by Dice of {summary.method} ({np.mean(dice[case]):.3f})"
        pictures.append(Picture(caption, overlay_of(dataset.entry(case), runs, plan)))
    return tuple(pictures)


def overlay_of(entry: CaseFiles, runs: Mapping[str, Path], plan: Plan) -> bytes:
    """The PNG of one case with its reference and the labels of each run."""
    volume = read(entry.images)
    reference = None if entry.label is None else class_indices(read_label(entry.label, volume.source).array[0], plan)
    labels = {arm: class_indices(read_label(prediction_of(run, entry)).array[0], plan) for arm, run in runs.items()}
    return overlay(volume.array, reference, labels, volume.spacing, [info.name for info in plan.classes])
