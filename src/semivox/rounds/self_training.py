"""Self-training in rounds: label the pool, keep what is stable, train again from scratch, as challenge winners do.

Z. Huang et al., FLARE22 (Springer 2023, pp. 178-189) and N. Alves, B. de Wilde, same volume, pp. 116-127: no new loss;
the gain is to come from a strong supervised trainer, hard labels of whole scans, and selection by case. A case's
stability is the smallest Dice over its classes between two labels of it: of the job's two models in the first round, of
the last two rounds later. Judged against the twin, and against a twin that was trained for all the steps together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, Dataset, groups_of
from semivox.data.formats.volume import read, read_label, write_label
from semivox.evaluation.comparison import Comparison, compare_rows
from semivox.evaluation.tables import read_scores, write_scores
from semivox.experiments.arms import TWIN, arms_of, config_of
from semivox.experiments.experiment import scored_cases
from semivox.experiments.record import Record, load_record
from semivox.inference.confidence import agreement
from semivox.inference.jobs import safe_name
from semivox.pipeline.predict import label_entries, predictor_of, score_entries
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import prepare_cases, readers_of
from semivox.rounds.folder import Round, data_of, job_of, last_finished
from semivox.training.folder import RunFolder
from semivox.training.model import model_digest
from semivox.training.run import train_run
from semivox.training.settings import RunConfig
from semivox.training.spec import RunSpec, settled

FOLDER = "self-training"


class RoundResult(Frozen):
    """What one round of self-training did (a line of ``summary.json``)."""

    round: int
    kept: tuple[str, ...]
    """Pool cases whose pseudo-labels were trained on."""
    least_stable: float | None = None
    """Agreement of the worst one that was kept."""
    rejected_empty: tuple[str, ...] = ()
    """Cases in which a label shows nothing."""


class SelfTrainingSummary(Frozen):
    """What self-training found (``self-training/summary.json``)."""

    version: Literal[1] = 1
    rounds: tuple[RoundResult, ...]
    keep: float
    comparisons: tuple[Comparison, ...]
    """The last round against the twin, then against the twin with the steps of all rounds together."""

    def text(self) -> str:
        """For a terminal."""
        lines = [
            f"Round {one.round}: {plural(len(one.kept), 'pseudo-labeled scan')} kept"
            + (f", agreement at least {one.least_stable:.3f}" if one.least_stable is not None else "")
            + (f"; {len(one.rejected_empty)} rejected, as a label showed nothing" if one.rejected_empty else "")
            for one in self.rounds
        ]
        return "\n".join([*lines, "", *(one.words for one in self.comparisons)]) + "\n"


@dataclass(frozen=True)
class _Frame:
    """What all rounds share."""

    out: Path
    round: Round
    record: Record
    dataset: Dataset
    split: Split
    plan: Plan
    config: RunConfig
    progress: ProgressDisplay

    def entries(self, names: Sequence[str]) -> list[CaseFiles]:
        """Cases by name."""
        return [self.dataset.entry(name) for name in names]


def self_train(
    target: Path, rounds: int = 2, keep: float = 0.5, workers: int = 2, progress: ProgressDisplay | None = None
) -> SelfTrainingSummary:
    """Do what is left of self-training on a finished job, into ``self-training/`` of its last round's folder.

    ``keep``: part of the pool whose pseudo-labels are trained on, the most stable ones. Raises InputError where the job
    scored no scans that all its models left out, or a class is in no pseudo-label.
    """
    frame = _frame(target, workers, progress or Quiet())
    _keep_settings(frame, rounds, keep)
    pool = frame.entries(frame.split.unlabeled)
    arms = [arm.method for arm in arms_of(frame.record.study_file)]
    first = [_labels_of(frame, frame.round.folder / arm, pool) for arm in arms]
    both = (first[0], first[-1])
    results = []
    for number in range(1, rounds + 1):
        result = _selected(frame, number, both, keep)
        run = frame.out / f"round-{number}"
        _trained(frame, run, result.kept, both[1], frame.config)
        results.append(result)
        if number < rounds:
            both = (both[1], _labels_of(frame, run, pool))
    control = frame.out / "all-steps"
    total = frame.plan.steps * (rounds + 1)
    longer = frame.config.model_copy(update={"train": frame.config.train.model_copy(update={"steps": total})})
    _trained(frame, control, (), None, longer)
    rows = read_scores(frame.out / f"round-{rounds}")
    units = frame.record.groups
    found = tuple(
        compare_rows(rows, read_scores(other), "dice", ("self-training", name), units)
        for name, other in (("the twin", frame.round.folder / TWIN), (f"the twin with {total} steps", control))
    )
    summary = SelfTrainingSummary(rounds=tuple(results), keep=keep, comparisons=found)
    summary.save(frame.out / "summary.json")
    write_text(frame.out / "summary.txt", summary.text())
    return summary


def _frame(target: Path, workers: int, progress: ProgressDisplay) -> _Frame:
    last = last_finished(job_of(target))
    record = load_record(last.folder)
    if record.scored_on not in ("test", "validation"):
        raise InputError(
            f"the job in {last.folder} was scored by {record.scored_on}; pseudo-labels must come from models that "
            "never saw the scored scans, so self-training needs test or validation scans"
        )
    if not last.split.unlabeled:
        raise InputError(f"the job in {last.folder} has no unlabeled scan left")
    twin = next(arm for arm in arms_of(record.study_file) if arm.method == TWIN)
    config = config_of(record.study_file, twin, record.study_file.seeds[0], workers)
    plan = settled(Plan.load(last.folder / "plan.json"), config.train)
    dataset = layouts.find(data_of(job_of(target)))
    return _Frame(last.folder / FOLDER, last, record, dataset, last.split, plan, config, progress)


def _keep_settings(frame: _Frame, rounds: int, keep: float) -> None:
    """Note what was asked. Raises InputError where the folder was begun otherwise."""
    path, now = frame.out / "settings.json", {"rounds": rounds, "keep": keep}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before != now:
            raise InputError(f"{frame.out} was begun with {before}; ask for the same, or delete it")
        return
    frame.out.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(now) + "\n")


def _labels_of(frame: _Frame, run: Path, pool: Sequence[CaseFiles]) -> Path:
    """The folder of the pool's labels by a run's model; those that are there are left alone."""
    out = frame.out / "labels" / f"{run.name}-{model_digest(run)[:8]}"
    missing = [entry for entry in pool if not (out / f"{safe_name(entry.name)}.nii.gz").exists()]
    if missing:
        predictor = predictor_of(run, frame.config.train.device, **frame.record.study_file.predict.model_dump())
        with torch.inference_mode(), frame.progress.bar(f"labeling the pool with {run.name}") as count:
            for done, entry in enumerate(missing, 1):
                volume = read(entry.images)
                write_label(out / f"{safe_name(entry.name)}.nii.gz", predictor(volume).label, volume.source)
                count(done, len(missing))
    return out


def _selected(frame: _Frame, number: int, both: tuple[Path, Path], keep: float) -> RoundResult:
    """The most stable part of the pool: by the smallest agreement over classes; without what shows nothing."""
    values = [info.value for info in frame.plan.classes[1:]]
    stable: dict[str, float] = {}
    empty, shown = [], set[int]()
    for name in frame.split.unlabeled:
        maps = [read_label(folder / f"{safe_name(name)}.nii.gz").array[0] for folder in both]
        if not all(np.isin(label, values).any() for label in maps):
            empty.append(name)
            continue
        found = [value for value in agreement(maps, values) if value is not None]
        stable[name] = min(found)
    count = round(keep * len(frame.split.unlabeled))
    kept = sorted(stable, key=lambda name: (-stable[name], name))[:count]
    for name in kept:
        shown |= set(np.unique(read_label(both[1] / f"{safe_name(name)}.nii.gz").array).tolist())
    if kept and (lost := [info.name for info in frame.plan.classes[1:] if info.value not in shown]):
        raise InputError(
            f"no pseudo-label that was kept shows {lost[0]}: training on them would unlearn it. Label more"
        )
    least = min((stable[name] for name in kept), default=None)
    return RoundResult(round=number, kept=tuple(sorted(kept)), least_stable=least, rejected_empty=tuple(empty))


def _trained(frame: _Frame, run: Path, kept: Sequence[str], labels: Path | None, config: RunConfig) -> None:
    """Train on the labels and the kept pseudo-labels, and score; what is done is left alone."""
    if (run / "scores.json").exists() and (run / "done").exists():
        return
    pseudo = set(kept)
    entries = tuple(
        replace(entry, label=labels / f"{safe_name(entry.name)}.nii.gz") if labels and entry.name in pseudo else entry
        for entry in frame.dataset.entries
    )
    dataset = replace(frame.dataset, entries=entries)
    split = Split(labeled=tuple(sorted({*frame.split.labeled, *pseudo})), validation=frame.split.validation)
    if not pseudo:  # in the order of the twin's, whose run this is to be
        split = split.model_copy(update={"labeled": frame.split.labeled})
    prepared = frame.out / "prepared" / run.name
    store = prepare_cases(dataset, split, frame.plan, prepared, readers_of(config.train), frame.progress)
    run.parent.mkdir(parents=True, exist_ok=True)
    train_run(RunSpec(RunFolder(run), store, split, frame.plan, config), frame.progress.reporter())
    scored = [frame.dataset.entry(name) for name in scored_cases(frame.split, frame.dataset, frame.record.scored_on)]
    label_entries(run, scored, config.train.device, frame.progress, frame.record.study_file.predict.model_dump())
    write_scores(run, score_entries(run, scored, frame.plan), groups_of(scored))
