"""Whether what a study has on disk is still what its study file asks for; finished runs keep their folders for years.

A study file may grow: methods, ablations, labeled counts, draws and seeds may be added or taken out. What decides a
number of a run that is there may not change, or the report would say that it was made in another way than it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.plan import DECIDE_NOTHING, Plan
from semivox.core.split import Split
from semivox.experiments.arms import plan_of
from semivox.experiments.labeled_sets import LabeledSet
from semivox.experiments.runs import Run, asked_of
from semivox.experiments.study_file import CaseChoice, StudyFile
from semivox.pipeline.stages import PARTS
from semivox.training.folder import EARLIER, HARMLESS, RunFolder, by_earlier_version, differences
from semivox.training.settings import RunConfig
from semivox.training.spec import kept_plan, settled

SAME = ("plan", "predict", "legacy")
"""Parts of a study file that may not change once a study has begun."""
SAME_CASES = ("split", "order", "test", "validation", "exclude", "draw_seed", "folds")
"""Choices of cases that may not change either: they decide who is scored, and what a draw is."""
FINISHED = (*HARMLESS, "train.device:")
"""Settings that may change once a run has finished: the rest of a study may be done on another machine."""
SHOWN = 8
"""Lines of an error."""


def changed_parts(before: StudyFile, now: StudyFile) -> list[str]:
    """The parts of a study file that may not change and did, such as ``plan`` and ``cases.test``."""
    both = [json.loads(file.model_dump_json(include=set(SAME))) for file in (before, now)]
    cases = [_decisive(file.cases) for file in (before, now)]
    return [
        *(name for name in SAME if both[0][name] != both[1][name]),
        *(f"cases.{name}" for name in SAME_CASES if cases[0][name] != cases[1][name]),
    ]


def check_unchanged(out: Path, study_file: StudyFile, labeled_sets: Sequence[LabeledSet], runs: Sequence[Run]) -> None:
    """Compare splits and runs in ``out`` with what is asked for now. Raises InputError naming what changed."""
    paths = {run.frame: out / run.frame / "plan.json" for run in runs}
    shared = {frame: Plan.load(path) for frame, path in paths.items() if path.exists()}
    lines = (line for run in runs for line in _run(out, study_file, run, shared.get(run.frame)))
    found = [*_splits(out, labeled_sets), *lines]
    if found:
        more = [f"... ({len(found)} in all)"] if len(found) > SHOWN else []
        configs = [(out / run.name / "config.json", asked_of(study_file, run)) for run in runs]
        earlier = any(path.exists() and by_earlier_version(path, now) for path, now in configs)
        undo = "Undo the change, give another --out, or delete the folders of these runs to run them again"
        raise InputError(
            f"{out} holds runs that would now be made differently:\n  "
            + "\n  ".join([*found[:SHOWN], *more])
            + f"\n{EARLIER if earlier else undo}"
        )


def changed_options(study_file: StudyFile, run: Run, config: RunConfig, free: tuple[str, ...] = FINISHED) -> list[str]:
    """Where the configuration that a run has is not what the study file asks of it: a line per option.

    Options that came with a later version than the run's count with their defaults, on both sides. ``free``: settings
    that may differ.
    """
    before, now = _complete(config), asked_of(study_file, run).model_dump(mode="json")
    return [line for line in differences(before, now) if not line.startswith(free)]


def _decisive(choice: CaseChoice) -> Mapping[str, Any]:
    """What may not change of a choice of cases. A file counts by its name: a study file may move, with its files."""
    content = choice.model_dump(mode="json", include=set(SAME_CASES))
    named = {name: Path(value).name if isinstance(value, str) else value for name, value in content.items()}
    return named | {"exclude": sorted(choice.exclude)}


def _splits(out: Path, labeled_sets: Sequence[LabeledSet]) -> Iterator[str]:
    """Labeled sets that are there and have other cases than they are given now."""
    wanted = {labeled_set.folder: labeled_set.split for labeled_set in labeled_sets}
    for path in (*out.glob("split.json"), *sorted(out.glob("*/draw-*/split.json"))):
        folder, there = path.parent.relative_to(out).as_posix(), Split.load(path)
        # test and validation cases are the same in all labeled sets, those that were taken out of the file included
        parts = PARTS if folder in wanted else ("validation", "test")
        now = wanted.get(folder, labeled_sets[0].split)
        yield from (f"{folder}: other {part} cases" for part in parts if getattr(there, part) != getattr(now, part))


def _run(out: Path, study_file: StudyFile, run: Run, shared: Plan | None) -> Iterator[str]:
    """What a run was asked and is asked otherwise now. ``shared``: the plan of all runs of its labeled set."""
    folder = RunFolder(out / run.name)
    if folder.config.exists():
        free = FINISHED if run.done(out) else HARMLESS
        for line in changed_options(study_file, run, RunConfig.load(folder.config), free):
            yield f"{run.name}: {line}"
    kept = kept_plan(folder)
    if kept is not None and shared is not None:
        plans = kept, settled(plan_of(run.arm, shared), asked_of(study_file, run).train)
        before, now = (plan.model_dump(mode="json", exclude=set(DECIDE_NOTHING)) for plan in plans)
        for line in differences(before, now):
            yield f"{run.name}: {line}"


def _complete(config: RunConfig) -> dict[str, Any]:
    """A configuration with all fields that there are by now; as it is where this version has lost one of its own."""
    content: dict[str, Any] = config.model_dump(mode="json")
    try:
        return content | {"options": config.method_config().model_dump(mode="json")}
    except InputError:
        return content
