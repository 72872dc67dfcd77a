"""A study is read from its run folders alone."""

from __future__ import annotations

import json
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.evaluation.tables import read_scores
from semivox.evaluation.voxel_scores import read_voxel_rows
from semivox.study.grids.cells import arms_of
from semivox.study.reports.results import Group, Results, Run
from semivox.study.runs.arrange import StudyRecord
from semivox.study.runs.cell import VOXELS
from semivox.study.runs.cost import Cost
from semivox.training.settings import RunConfig


def collect(folder: Path) -> Results:
    """Read all finished runs of a study. Raises InputError where the folder holds no study, or no finished run."""
    if not (folder / "study.json").exists():
        raise InputError(f"{folder} holds no study (no study.json); give the folder that semivox study wrote")
    record = StudyRecord.load(folder / "study.json")
    order = {arm.name: place for place, arm in enumerate(arms_of(record.grid))}
    found: dict[tuple[str, str], dict[tuple[int, int], Run]] = {}
    begun = 0
    for path in sorted(folder.glob("*/draw-*/seed-*/*/")):
        setting, draw, seed, arm = path.relative_to(folder).parts
        if arm not in order:
            continue  # an arm that was taken out of the grid
        begun += 1
        if (path / "done").exists() and (path / "scores.json").exists():
            key = int(draw.removeprefix("draw-")), int(seed.removeprefix("seed-"))
            found.setdefault((setting, arm), {})[key] = _run(path)
    if not found:
        raise InputError(
            f"{folder} has no finished run yet; wait for one, or see the .txt files beside its run folders"
        )
    arms = {arm.name: arm for arm in arms_of(record.grid)}
    groups = [
        Group(setting, arms[arm], dict(sorted(runs.items())), record.groups) for (setting, arm), runs in found.items()
    ]
    groups.sort(key=lambda group: (group.labeled, group.setting, order[group.arm.name]))
    return Results(folder, record, tuple(groups), begun - sum(len(runs) for runs in found.values()))


def _run(path: Path) -> Run:
    cost = path / "cost.json"
    return Run(
        folder=path,
        rows=tuple(read_scores(path / "scores.json")),
        cost=Cost.load(cost) if cost.exists() else None,
        config=RunConfig.load(path / "config.json"),
        plan=Plan.load(path / "plan.json"),
        split=Split.load(path / "split.json"),
        voxels=tuple(read_voxel_rows(path / VOXELS)) if (path / VOXELS).exists() else (),
        versions=_versions(path / "environment.json"),
    )


def _versions(environment: Path) -> tuple[str, ...]:
    """Of the package in each session of a run; empty where it was not recorded."""
    if not environment.exists():
        return ()
    sessions = json.loads(environment.read_text(encoding="utf-8"))
    return tuple(dict.fromkeys(str(session["packages"]["semivox"]) for session in sessions))
