"""The main job: from a folder of scans to a model, and to an answer whether the unlabeled scans helped.

A study of one method beside its supervised twin: both are trained on the same labeled patches for the same number of
steps, and compared on scans that neither has seen: the test set, else the validation set, else by cross-validation over
the labeled scans. Then the better model, or the average of its folds, labels the unlabeled scans. Every part that is
done is skipped when the same command runs again.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.plurals import plural
from semivox.core.split import Split
from semivox.data.dataset import Dataset, annotated_of, groups_of
from semivox.experiments.arms import TWIN, arms_of
from semivox.experiments.arrange import Arranged, arranged
from semivox.experiments.as_study import study_file_of
from semivox.experiments.calibrate import calibrate
from semivox.experiments.collect import collect
from semivox.experiments.executor import Engine
from semivox.experiments.experiment import Experiment, check_options, check_runs, scored_cases
from semivox.experiments.final_model import gather_model
from semivox.experiments.fitness import unfitness
from semivox.experiments.folds import folds
from semivox.experiments.health import health_warnings, training_warnings
from semivox.experiments.labeled_sets import LabeledSet, Part
from semivox.experiments.labels import FOLDER, label_unlabeled
from semivox.experiments.provenance import provenance_of
from semivox.experiments.record import ScoredOn
from semivox.experiments.runner import do_runs
from semivox.experiments.summary import MODEL, Summary, conclude, unscored
from semivox.experiments.this_machine import ThisMachine
from semivox.inference.confidence_table import TABLE
from semivox.pipeline.options import RunOptions
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import load_dataset
from semivox.training.settings import TrainSettings

Page = Callable[[Path], object]
"""Writes the page about a finished job, from its folder."""


@dataclass(frozen=True)
class Job:
    """A job as it is asked for: settled before any work, and passed on whole."""

    data: Path
    folder: Path
    options: RunOptions
    engine: Engine = field(default_factory=ThisMachine)
    """Where its trainings are done."""
    labels: bool = True
    """Whether the better model labels the unlabeled scans at the end."""
    page: Page | None = None
    closed: bool = False
    """Whether it knows nothing that its split does not: neither further scans, nor labels of its unlabeled ones."""
    folds: tuple[Split, ...] = ()
    """Those of a further round; none: they are dealt from the seed, where there is no test or validation scan."""


def run_job(job: Job, progress: ProgressDisplay | None = None) -> Summary:
    """Do the whole job, or what is left of it, and return what it found.

    Raises InputError when scans are unfit (all are named) or the folder holds a job with other settings, SemivoxError
    where trainings failed, and InterruptedRun after saving when asked to stop.
    """
    progress = progress or Quiet()
    if told := job.options.told():
        progress.say(told)
    experiment = job_experiment(job)
    with arranged(experiment, job.folder, progress) as ready:
        do_runs(ready, job.engine, progress)
        summary = _concluded(ready)
        summary.save(job.folder / "summary.json")
        write_text(job.folder / "summary.txt", summary.text())
        gather_model(job.folder, summary)
        if job.labels:
            label_unlabeled(job.folder, experiment, progress)
        if job.page is not None:
            job.page(job.folder)
    progress.say(closing_words(job.folder, summary))
    return summary


def job_experiment(job: Job) -> Experiment:
    """The job as an experiment: one labeled set, and what its models are scored on.

    Raises InputError for unknown options or cases, and where no scan is unlabeled.
    """
    study_file = study_file_of(job.options)
    check_options(study_file)
    dataset, split = load_dataset(job.data, job.options.split, job.options.exclude)
    if not split.unlabeled:
        raise InputError(
            f"{job.data} holds no unlabeled scan, so there is nothing to compare; use semivox train --method {TWIN}"
        )
    if job.closed:
        dataset = _closed(dataset, split)
    scored_on, parts = parts_of(dataset, split, job.options.train, job.folds)
    labeled_set = LabeledSet("", 0, split, parts)
    experiment = Experiment("job", study_file, job.data, dataset, (labeled_set,), scored_on)
    check_runs(experiment)
    return experiment


def _closed(dataset: Dataset, split: Split) -> Dataset:
    """The cases of a split alone, without what is known of its unlabeled ones."""
    unlabeled, known = set(split.unlabeled), {name for part in split.model_dump().values() for name in part}
    entries = (entry for entry in dataset.entries if entry.name in known)
    return replace(dataset, entries=tuple(replace(e, label=None) if e.name in unlabeled else e for e in entries))


def parts_of(
    dataset: Dataset, split: Split, train: TrainSettings, kept: tuple[Split, ...] = ()
) -> tuple[ScoredOn, tuple[Part, ...]]:
    """What is scored, and what that takes to be trained; the first part's models are those to use.

    ``kept``: the folds, where they are not to be dealt.
    """
    if scored_cases(split, dataset, "test"):
        return "test", (Part(None, split),)
    if split.validation and train.selection != "validation":
        return "validation", (Part(None, split),)
    try:
        cut = kept or folds(split, groups_of(dataset.entries), train.seed, annotated=annotated_of(dataset.entries))
    except InputError:  # one patient is labeled, or shows a class: a model can be trained but not judged; it is said
        return "nothing", (Part(None, split, scored=False),)
    held_out = tuple(Part(index, fold) for index, fold in enumerate(cut))
    return "cross-validation", (Part(None, split, scored=False), *held_out)


def _concluded(ready: Arranged) -> Summary:
    """The answer, from the run folders."""
    experiment = ready.experiment
    method = next(arm for arm in arms_of(experiment.study_file) if arm.twin is not None)
    split = experiment.labeled_sets[0].split
    if experiment.scored_on == "nothing":
        return unscored(provenance_of(ready, method, split, 0), method, training_warnings(ready.folder, ready.runs))
    results = collect(ready.folder)
    calibrate(results, experiment.dataset, experiment.scored_on)
    scored = {case for group in results.groups for run in group.runs.values() for case in run.scored}
    about = provenance_of(ready, method, split, len(scored))
    found = conclude(results, about, method, health_warnings(results, ready.runs))
    return found.model_copy(update={"members": _members(ready, found.chosen)})


def _members(ready: Arranged, chosen: str) -> tuple[str, ...]:
    """The run folders of all folds of an arm; none where there are no folds."""
    return tuple(run.name for run in ready.runs if run.place.arm == chosen and run.place.fold is not None)


def closing_words(job: Path, summary: Summary, called: Path | None = None) -> str:
    """The answer, where everything is, and once more what must not be overlooked; ``called``: the job's own name."""
    out = called or job
    lines = ["", summary.text()]
    if unfit := unfitness(summary):
        lines.append(f"The better model is in {out / MODEL}, but it is not usable yet: {unfit}")
    else:
        command = shlex.join(["semivox", "predict", str(out), "-i", "SCANS", "-o", "LABELS"])
        lines.append(f"Model to use: {out / MODEL} ({command})")
    if (job / FOLDER).exists():
        lines.append(f"Labels of the unlabeled scans, by this model, and what Dice to expect: {out / FOLDER / TABLE}")
    lines.append(f"Report: {out / 'report.html'}")
    if summary.warnings:
        lines.append(f"Read the {plural(len(summary.warnings), 'warning')} above before you use this model.")
    return "\n".join(lines)
