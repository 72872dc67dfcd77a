"""The runs of a job or a study: every arm on every labeled set, fold and seed, each with a folder of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from semivox.core.errors import InputError
from semivox.evaluation.tables import read_scores
from semivox.experiments.arms import Arm, arms_of, config_of
from semivox.experiments.folds import FOLDER as FOLDS
from semivox.experiments.labeled_sets import LabeledSet, Part
from semivox.experiments.study_file import StudyFile
from semivox.methods import find
from semivox.training.settings import RunConfig

FOLDER = re.compile(
    r"(?:(?P<labeled_set>[^/]+)/draw-(?P<draw>0|[1-9]\d*)/)?"
    r"(?:folds/(?P<fold>0|[1-9]\d*)/)?"
    r"(?:seed-(?P<seed>0|[1-9]\d*)/)?"
    r"(?P<arm>[^/]+)"
)
"""``labeled-8/draw-0/seed-1/ua_mt`` in a study, ``ua_mt`` in a job; with folds ``.../folds/2/...``."""


@dataclass(frozen=True)
class Place:
    """Where a run stands: which labeled set, fold and seed, and which arm."""

    labeled_set: str
    """Empty in a job, which has one labeled set and one seed: its folders need no names for them."""
    draw: int
    seed: int | None
    """None in a job: the one it has."""
    arm: str
    fold: int | None = None
    """None: trained on the whole labeled set."""

    @property
    def frame(self) -> str:
        """The folder of the labeled set, with the plan and the prepared scans that its runs share; "." in a job."""
        return f"{self.labeled_set}/draw-{self.draw}" if self.labeled_set else "."

    @property
    def part(self) -> str:
        """The folder of the split: the labeled set's, or the fold's within it."""
        return _joined(self.frame, "" if self.fold is None else f"{FOLDS}/{self.fold}")

    @property
    def name(self) -> str:
        """The run folder, within that of the job or study."""
        return _joined(self.part, "" if self.seed is None else f"seed-{self.seed}", self.arm)


@dataclass(frozen=True)
class Run:
    """One run: a training, and the labels and scores of the scans that it did not see."""

    place: Place
    arm: Arm
    seed: int
    scored: bool = True
    """False for the models of a cross-validated job that are there to be used: no scan is left to score them on."""

    @property
    def frame(self) -> str:
        """The folder of its labeled set."""
        return self.place.frame

    @property
    def name(self) -> str:
        """Its run folder."""
        return self.place.name

    def done(self, folder: Path) -> bool:
        """Whether it is trained and, where there is something to score, scored; ``folder``: of the job or study."""
        return finished(folder / self.name) if self.scored else (folder / self.name / "done").exists()


def finished(run: Path) -> bool:
    """Whether a run folder holds a trained and scored run. One whose scores are damaged is scored again."""
    path = run / "scores.json"
    if not (run / "done").exists() or not path.exists():
        return False
    stat = path.stat()
    return _readable(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _readable(scores: Path, size: int, changed: int) -> bool:
    """Whether scores can be read; asked again when the file has changed."""
    try:
        read_scores(scores)
    except InputError:
        return False
    return True


def asked_of(study_file: StudyFile, run: Run, workers: int = 0) -> RunConfig:
    """What a run is asked to do (``config_of`` its arm). A fold begins with the weights of a job's same fold."""
    config = config_of(study_file, run.arm, run.seed, workers)
    start, fold = config.train.warm_start, run.place.fold
    if start is None or fold is None or not (Path(start) / FOLDS).is_dir():
        return config
    own = {"warm_start": str(Path(start) / FOLDS / str(fold))}
    return config.model_copy(update={"train": config.train.model_copy(update=own)})


def runs_of(study_file: StudyFile, labeled_sets: Sequence[LabeledSet]) -> tuple[Run, ...]:
    """Every run, a seed after the other, so that comparisons fill up early.

    Where a labeled set leaves no unlabeled case (all are labeled), only arms that need none have a run.
    """
    arms = arms_of(study_file)
    return tuple(
        Run(_place(chosen, part, seed, arm), arm, seed, part.scored)
        for seed in study_file.seeds
        for chosen in labeled_sets
        for part in chosen.parts
        for arm in arms
        if part.split.unlabeled or not find(arm.minutes_of or arm.method).uses_unlabeled
    )


def run_named(study_file: StudyFile, name: str) -> Run:
    """The run whose folder has this name. Raises InputError where there is none."""
    place = place_of(name)
    arm = next((arm for arm in arms_of(study_file) if _folder(arm, place.labeled_set) == place.arm), None)
    if arm is None:
        raise InputError(f"there is no run {name!r}")
    return Run(place, arm, study_file.seeds[0] if place.seed is None else place.seed)


def place_of(name: str) -> Place:
    """What the name of a run folder says. Raises InputError where it is none."""
    found = FOLDER.fullmatch(name)
    if found is None:
        raise InputError(f"{name!r} is not the name of a run folder")
    fold, seed = found["fold"], found["seed"]
    return Place(
        labeled_set=found["labeled_set"] or "",
        draw=int(found["draw"] or 0),
        seed=None if seed is None else int(seed),
        arm=found["arm"],
        fold=None if fold is None else int(fold),
    )


def _place(chosen: LabeledSet, part: Part, seed: int, arm: Arm) -> Place:
    return Place(chosen.name, chosen.draw, seed if chosen.name else None, _folder(arm, chosen.name), part.fold)


def _folder(arm: Arm, labeled_set: str) -> str:
    """Name of an arm's run folders; in a job, whose method has one variant, the method's: JOB/ua_mt is its model."""
    return arm.name if labeled_set else arm.method


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part and part != ".") or "."
