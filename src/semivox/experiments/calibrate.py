"""What a job's models say of their own labels, measured where there is a reference: ``confidence.json`` of each model.

The scored scans are those that no part of the training saw. In cross-validation each is labeled by the model of its
fold; what they tell together goes to the model of all labeled scans, which is trained alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.dataset import Dataset
from semivox.data.origins import Origin, path_of
from semivox.evaluation.score import Row
from semivox.experiments.groups import Group
from semivox.experiments.record import ScoredOn
from semivox.experiments.results import Results
from semivox.inference.confidence import FILE, Calibration, calibration
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import prediction_of


def calibrate(results: Results, dataset: Dataset, scored_on: ScoredOn) -> None:
    """Write what the estimates of each arm's model are worth into its folder, as far as scans were scored."""
    for group in results.groups:
        known = calibration_of_group(group, dataset, scored_on)
        model = results.folder / group.arm.name / "model"
        if known.classes and model.is_dir():
            known.save(model / FILE)


def calibration_of_group(group: Group, dataset: Dataset, scored_on: ScoredOn) -> Calibration:
    """From the scores of an arm's runs, and what the runs expected of these scans."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for run in group.runs.values():
        expected: dict[str, Mapping[str, float | None]] = {}
        for row in run.rows:
            if row.case not in expected:
                expected[row.case] = _expected(run.folder_of(row.case), dataset, row)
            estimate = expected[row.case].get(row.class_name)
            if estimate is not None and row.dice is not None:
                pairs.setdefault(row.class_name, []).append((estimate, row.dice))
    return calibration(pairs, scored_on)


def _expected(run: Path, dataset: Dataset, row: Row) -> Mapping[str, float | None]:
    """Class -> expected Dice of a prediction; nothing where the run was made before that was noted."""
    try:
        label = prediction_of(run, dataset.entry(row.case))
        return Origin.load(path_of(label, safe_name(row.case))).expected_dice
    except InputError:
        return {}
