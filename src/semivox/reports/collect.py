"""A study is read from its run folders alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.evaluation.tables import read_scores
from semivox.evaluation.voxel_scores import read_voxel_rows
from semivox.experiments.arrange import StudyRecord
from semivox.experiments.cost import Cost
from semivox.experiments.labeled_sets import labeled_set_names
from semivox.experiments.one_run import VOXELS
from semivox.experiments.runs import arms_of
from semivox.reports.results import Group, Results, Run
from semivox.training.settings import RunConfig
from semivox.training.spec import settled

RUN = re.compile(r"([^/]+)/draw-(0|[1-9]\d*)/seed-(0|[1-9]\d*)/([^/]+)")
"""A run folder within a study: setting, draw, seed, arm."""


def collect(folder: Path) -> Results:
    """Read all finished runs of a study. Raises InputError where the folder holds no study, or no finished run."""
    if not (folder / "study.json").exists():
        raise InputError(f"{folder} holds no study (no study.json); give the folder that semivox study wrote")
    record = StudyRecord.load(folder / "study.json")
    arms = {arm.name: arm for arm in arms_of(record.grid)}
    order = {name: place for place, name in enumerate(arms)}
    found: dict[tuple[str, str], dict[tuple[int, int], Run]] = {}
    for name in asked_for(folder, record):
        if (folder / name / "done").exists() and (folder / name / "scores.json").exists():
            setting, draw, seed, arm = _parts(name)
            found.setdefault((setting, arm), {})[draw, seed] = _run(folder / name)
    if not found:
        raise InputError(
            f"{folder} has no finished run yet; wait for one, or see the .txt files beside its run folders"
        )
    groups = [
        Group(setting, arms[arm], dict(sorted(runs.items())), record.groups) for (setting, arm), runs in found.items()
    ]
    groups.sort(key=lambda group: (group.labeled, group.setting, order[group.arm.name]))
    return Results(folder, record, tuple(groups), len(unfinished(folder, record)))


def asked_for(folder: Path, record: StudyRecord) -> list[str]:
    """Names of the runs that the grid asks for; of a study that did not keep them, of those that were begun.

    What else lies in the folder (runs of what was taken out of the grid, copies under another name) is passed over.
    """
    if record.runs:
        return sorted(record.runs)
    arms, cases = {arm.name for arm in arms_of(record.grid)}, record.grid.cases
    begun = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/draw-*/seed-*/*/"))]
    return [
        name
        for name in begun
        if RUN.fullmatch(name)
        for setting, draw, seed, arm in [_parts(name)]
        if setting in labeled_set_names(cases) and draw in cases.draws and seed in record.grid.seeds and arm in arms
    ]


def unfinished(folder: Path, record: StudyRecord) -> list[str]:
    """Names of the runs that are asked for and have no scores yet, begun or not."""
    return [
        name
        for name in asked_for(folder, record)
        if not (folder / name / "done").exists() or not (folder / name / "scores.json").exists()
    ]


def _parts(name: str) -> tuple[str, int, int, str]:
    """Setting, draw, seed and arm of a run."""
    found = RUN.fullmatch(name)
    assert found is not None
    return found[1], int(found[2]), int(found[3]), found[4]


def _run(path: Path) -> Run:
    cost, config = path / "cost.json", RunConfig.load(path / "config.json")
    return Run(
        folder=path,
        rows=tuple(read_scores(path / "scores.json")),
        cost=Cost.load(cost) if cost.exists() else None,
        config=config,
        plan=settled(Plan.load(path / "plan.json"), config.train),
        split=Split.load(path / "split.json"),
        voxels=tuple(read_voxel_rows(path / VOXELS)) if (path / VOXELS).exists() else (),
        versions=_versions(path / "environment.json"),
    )


def _versions(environment: Path) -> tuple[str, ...]:
    """Of the package at each start of a run; empty where it was not recorded."""
    if not environment.exists():
        return ()
    starts = json.loads(environment.read_text(encoding="utf-8"))
    return tuple(dict.fromkeys(str(start["packages"]["semivox"]) for start in starts))
