"""The labels of the unlabeled scans as the page lists them: what Dice to expect of each, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.data import layouts
from semivox.experiments.labels import FOLDER, labels_of
from semivox.inference.confidence_table import Confidence, calibration_of, confidences
from semivox.reports.page import TextTable

NONE = "\N{EN DASH}"


def unlabeled_table(job: Path, data: Path, plan: Plan) -> TextTable | None:
    """The worst first; None where the job labeled no scan, or the scans are elsewhere."""
    if not (job / FOLDER).exists():
        return None
    try:
        records, changed = labels_of(job, layouts.find(data))
    except InputError:  # the data were moved away
        return None
    cases: dict[str, list[Confidence]] = {}
    known = calibration_of(job)
    for line in confidences(records, known):
        cases.setdefault(line.case, []).append(line)
    classes = [info.name for info in plan.classes[1:]]
    ordered = sorted(cases.items(), key=lambda item: (not _why(item[1]), _mean(item[1]), item[0]))
    rows = [(case, *_cells(own, classes), "; ".join(_why(own)) or NONE) for case, own in ordered]
    rows += [(case, *(NONE for _ in classes), "changed by somebody since") for case in changed]
    if not rows:
        return None
    worth = (
        "Nothing says what these numbers are worth: no scan was scored that no part of the model had seen."
        if known is None
        else known.text().replace("\n", ". ") + "."
    )
    return TextTable(
        f"{plural(len(rows), 'label')} in {job.name}/{FOLDER}/, those to look at first",
        ("Case", *(f"{name}: Dice to expect" for name in classes), "Why to look at it"),
        tuple(rows),
        (
            "Of each label the Dice to expect, estimated without a reference; in brackets what holds 9 of 10 scans, if "
            "enough were measured.",
            worth,
        ),
    )


def _cells(lines: Sequence[Confidence], classes: Sequence[str]) -> list[str]:
    own = {line.class_name: line for line in lines}
    return [_cell(own[name]) if name in own else NONE for name in classes]


def _cell(line: Confidence) -> str:
    if line.predicted is None:
        return NONE if line.expected is None else f"{line.expected:.3f} (not calibrated)"
    low, high = line.predicted.lower, line.predicted.upper
    ends = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    return f"{line.predicted.dice:.3f}{ends}"


def _mean(lines: Sequence[Confidence]) -> float:
    """Mean of what is known of a case; a class that was not found counts 0."""
    return float(np.mean([line.predicted.dice if line.predicted else line.expected or 0.0 for line in lines]))


def _why(lines: Sequence[Confidence]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for line in lines:
        for why in line.why:
            reasons.setdefault(why, []).append(line.class_name)
    return [f"{', '.join(classes)}: {why}" for why, classes in reasons.items()]
