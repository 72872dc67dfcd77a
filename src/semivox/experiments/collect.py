"""The results of a job or study are read from its run folders alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.evaluation.score import Row
from semivox.evaluation.tables import ScoreFile
from semivox.evaluation.voxel_scores import read_voxel_rows
from semivox.experiments.arms import Arm, arms_of
from semivox.experiments.cost import cost_of
from semivox.experiments.groups import Group, RunResult
from semivox.experiments.labeled_sets import labeled_set_names
from semivox.experiments.one_run import VOXELS
from semivox.experiments.record import Record, load_record
from semivox.experiments.results import Results
from semivox.experiments.runs import FOLDER, Place, finished, place_of, run_named
from semivox.training.environment import versions
from semivox.training.model import has_model, model_digest
from semivox.training.settings import RunConfig
from semivox.training.spec import settled

Key = tuple[str, str, int, int]
"""Labeled set, arm, draw and seed: what folds are pooled for."""


def collect(folder: Path) -> Results:
    """Read all finished runs of a job or study; folds are pooled once all are there.

    Raises InputError where the folder holds no job and no study, or no finished run.
    """
    record = load_record(folder)
    arms = {arm.name: arm for arm in arms_of(record.study_file)}
    order = {name: place for place, name in enumerate(arms)}
    late = set(unfinished(folder, record))
    found: dict[tuple[str, str], dict[tuple[int, int], RunResult]] = {}
    for (labeled_set, arm, draw, seed), names in _pooled(folder, record).items():
        if not late.intersection(names):
            frame = folder / place_of(names[0]).frame
            found.setdefault((labeled_set, arm), {})[draw, seed] = _result(frame, [folder / name for name in names])
    if not found:
        raise InputError(
            f"{folder} has no finished run yet; wait for one, or read the .txt files beside its run folders"
        )
    groups = [
        Group(labeled_set, arms[arm], dict(sorted(runs.items())), record.groups)
        for (labeled_set, arm), runs in found.items()
    ]
    groups.sort(key=lambda group: (group.labeled, group.labeled_set, order[group.arm.name]))
    return Results(folder, record, tuple(groups), len(late))


def asked_for(folder: Path, record: Record) -> list[str]:
    """Names of the runs that are to be scored; of a study that did not keep them, of those that were begun.

    What else lies in the folder (runs of what was taken out of the study file, copies under another name) is passed
    over.
    """
    if record.runs:
        return sorted(name for name in record.runs if not _only_to_be_used(place_of(name), record))
    arms = {arm.name: arm for arm in arms_of(record.study_file)}
    begun = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/draw-*/seed-*/*/"))]
    places = [(name, place_of(name)) for name in begun if FOLDER.fullmatch(name)]
    return [name for name, place in places if _asked(place, record, arms)]


def _asked(place: Place, record: Record, arms: dict[str, Arm]) -> bool:
    """Whether the study file asks for a run of this place."""
    cases = record.study_file.cases
    return (
        place.labeled_set in labeled_set_names(cases)
        and place.draw in cases.draws
        and place.seed in record.study_file.seeds
        and place.arm in arms
    )


def unfinished(folder: Path, record: Record) -> list[str]:
    """Names of the runs that are to be scored and have no scores yet, begun or not."""
    return [name for name in asked_for(folder, record) if not finished(folder / name)]


def _only_to_be_used(place: Place, record: Record) -> bool:
    """Whether it is a model of a cross-validated job, trained on everything: its folds are scored, not itself."""
    return record.scored_on == "nothing" or (record.scored_on == "cross-validation" and place.fold is None)


def _pooled(folder: Path, record: Record) -> dict[Key, list[str]]:
    """The runs whose scores belong together: one, or all folds of one labeled set, arm and seed."""
    pooled: dict[Key, list[str]] = {}
    for name in sorted(asked_for(folder, record), key=lambda name: (place_of(name).fold or 0, name)):
        run = run_named(record.study_file, name)
        pooled.setdefault((run.place.labeled_set, run.arm.name, run.place.draw, run.seed), []).append(name)
    return pooled


def _result(frame: Path, folders: Sequence[Path]) -> RunResult:
    """What one run found, or all folds of one together; ``frame``: the folder of the labeled set."""
    first = folders[0]
    config = RunConfig.load(first / "config.json")
    split = first / "split.json" if len(folders) == 1 else frame / "split.json"
    return RunResult(
        folders=tuple(folders),
        rows_of=tuple(_own_rows(path) for path in folders),
        costs=tuple(cost for cost in map(cost_of, folders) if cost is not None),
        config=config,
        plan=settled(Plan.load(first / "plan.json"), config.train),
        split=Split.load(split),
        voxels=tuple(row for path in folders if (path / VOXELS).exists() for row in read_voxel_rows(path / VOXELS)),
        versions=tuple(
            dict.fromkeys(version for path in folders for version in versions(path / "environment.json", "semivox"))
        ),
    )


def _own_rows(run: Path) -> tuple[Row, ...]:
    """The scores of a run. Raises InputError where another model's predictions were scored."""
    scores = ScoreFile.load(run / "scores.json")
    models = {made.model for made in scores.made_from.values()} - {""}
    if models and has_model(run) and models != {model_digest(run)}:
        raise InputError(
            f"{run / 'scores.json'} holds scores of another model than {run / 'model'}: a run was copied or trained "
            "again. Remove scores.json, and start the same command again to score this model"
        )
    return scores.rows
