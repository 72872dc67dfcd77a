"""A job goes on: with new labels in its data folder, the same command begins the next round.

A round differs from the one before by its labels alone: the plan is the first round's, test and validation scans stay
what they are, and patients stay on their side, so that the scores of all rounds are of the same scans.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import Dataset, some
from semivox.experiments.arms import TWIN
from semivox.experiments.as_study import study_file_of
from semivox.experiments.folds import folds_in, split_of_fold
from semivox.experiments.job import Job, job_experiment, run_job
from semivox.experiments.record import changed_settings, kind_of, load_record
from semivox.experiments.summary import Summary
from semivox.pipeline.next_labels import FOLDER, RECORD, Beginning, beginning, new_scans, require_kept, with_labels
from semivox.pipeline.options import RunOptions
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.rounds.folder import Round, RoundRecord, rounds_of
from semivox.rounds.kept_folds import next_folds, not_scored
from semivox.rounds.origins import newly_labeled
from semivox.training.settings import TrainSettings


def run_rounds(job: Job, begin: str | None, progress: ProgressDisplay | None = None) -> Summary:
    """Do the job, or what is left of its last round, or the next round where labels are new since.

    ``begin``: of a new round, "scratch" (the default) or "warm", from the weights of the round before. Raises
    InputError as ``run_job`` does, and where settings or test scans would change between rounds.
    """
    progress, out = progress or Quiet(), job.folder
    require_beginning(begin)
    if out.parent.name == FOLDER and kind_of(out.parent.parent) == "job":
        raise InputError(f"{out} is a round of the job {out.parent.parent}; give --out {out.parent.parent}")
    if kind_of(out) != "job" or not Round(1, out).finished:
        if begin == "warm":
            raise InputError("--begin warm takes the weights of the round before; this job has no finished one yet")
        return run_job(job, progress)
    _require_same(out, job.options)
    last = rounds_of(out)[-1]
    if not last.finished:
        return _resumed(job, last, begin, progress)
    dataset = layouts.find(job.data)
    record = _next(out, last, dataset, job.options, beginning(begin or "scratch"))
    if record is None:
        progress.say(f"Round {last.number} is finished, and no label is new since.")
        return run_job(job if last.number == 1 else _round_job(job, last), progress)
    split = with_labels(last.split, record.added, record.new_scans)
    _require_unlabeled(job, last, split)
    cut = next_folds(rounds_of(out), split, dataset, record.start, job.options.train)
    record = record.model_copy(update={"not_scored": not_scored(split, cut)})
    this = Round(record.number, out / FOLDER / str(record.number))
    _begin(job, this, record, split, cut, last)
    said = some((f"{case}: {origin}" for case, origin in record.added.items()), 8)
    begun = "the last weights" if record.start == "warm" else "scratch"
    progress.say(
        f"Round {this.number}: {plural(len(record.added), 'new label')} ({said}), {len(split.labeled)} labeled scans "
        f"in all, from {begun}; {'folds' if cut else 'test scans'} and plan stay.{_left_out(record)}"
    )
    return run_job(_round_job(job, this), progress)


def require_beginning(begin: str | None) -> None:
    """Raise InputError for a word that names no way to begin a round."""
    if begin is not None:
        beginning(begin)


def _require_same(out: Path, options: RunOptions) -> None:
    """Raise InputError where the job was begun with other settings or another split."""
    before = load_record(out).study_file
    if changed := changed_settings(before, study_file_of(options)):
        raise InputError(
            f"cannot resume {out}, nor begin its next round: the job was begun with other settings:\n  "
            + "\n  ".join(changed[:8])
            + "\nUndo the change, or begin a job in another --out"
        )
    if options.split is not None and options.split != Round(1, out).split:
        raise InputError(f"the job in {out} has a split of its own, from which the rounds follow; leave --split out")


def _next(out: Path, last: Round, dataset: Dataset, options: RunOptions, begin: Beginning) -> RoundRecord | None:
    """What the next round is; None where nothing is new. Raises InputError where it cannot be."""
    split = last.split
    new = newly_labeled(dataset, split.unlabeled, load_record(out))
    fresh = new_scans(dataset, split, options.exclude)
    labeled = {e.name for e in dataset.entries if e.label is not None}
    added = {**new, **{name: "unknown" for name in fresh if name in labeled}}
    if not added:
        return None
    require_kept(split, labeled, "job")
    return RoundRecord(number=last.number + 1, start=begin, added=added, new_scans=fresh)


def _require_unlabeled(job: Job, last: Round, split: Split) -> None:
    """Raise InputError, with what to do instead, where a round would have no unlabeled scan to learn from."""
    if split.unlabeled:
        return
    seed = job.options.train.seed
    words = ["train", str(job.data), "-o", str(last.folder / TWIN), "--method", TWIN, "--begin", "scratch"]
    kept = " and with the same test scans" if split.test or split.validation else ""
    command = shlex.join(["semivox", *words, *(["--seed", str(seed)] if seed != TrainSettings().seed else [])])
    raise InputError(
        f"every scan in {job.data} is labeled now, so round {last.number + 1} would have nothing to compare. Train a "
        f"supervised model on all {len(split.labeled)} labels, by the same plan{kept}: {command}. Or put "
        "further scans there, without labels, and give the same command again"
    )


def _left_out(record: RoundRecord) -> str:
    """What is not scored although it is held out."""
    if not record.not_scored:
        return ""
    return (
        f" Held out but not scored: {some(record.not_scored)}, which the last models have seen without label; --begin "
        "scratch scores them."
    )


def _begin(job: Job, this: Round, record: RoundRecord, split: Split, cut: tuple[Split, ...], last: Round) -> None:
    """Write what the round is: its record last, so that a folder with one is whole."""
    this.folder.mkdir(parents=True, exist_ok=True)
    record.save(this.folder / RECORD)
    split.save(this.folder / "split.json")
    for index, fold in enumerate(cut):
        path = split_of_fold(this.folder, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        fold.save(path)
    Plan.load(last.folder / "plan.json").save(this.folder / "plan.json")
    job_experiment(_round_job(job, this)).record().save_in(this.folder)


def _resumed(job: Job, this: Round, begin: str | None, progress: ProgressDisplay) -> Summary:
    """Do what is left of a round. Raises InputError where it is to begin otherwise than it did."""
    began = RoundRecord.load(this.folder / RECORD).start
    if begin is not None and begin != began:
        raise InputError(f"round {this.number} was begun with --begin {began}; leave it so, or delete {this.folder}")
    return run_job(_round_job(job, this), progress)


def _round_job(job: Job, this: Round) -> Job:
    """The job, as it is in this round: it knows of no other label, as further ones may arrive while it trains."""
    begin, train = RoundRecord.load(this.folder / RECORD).start, job.options.train
    if begin == "warm":
        before = next(each.folder for each in rounds_of(job.folder) if each.number == this.number - 1)
        train = train.model_copy(update={"warm_start": str(before.resolve())})
    options = job.options.model_copy(update={"split": this.split, "train": train})
    return replace(job, folder=this.folder, options=options, closed=True, folds=folds_in(this.folder))
