"""The main job: from a folder of scans to a model, and to an answer whether the unlabeled scans helped.

Check, plan, prepare; train a method and its supervised twin on the same labeled patches for the same number of steps;
label scans that neither has seen; compare. Scored on the test set, else on the validation set, else by
cross-validation over the labeled scans. Every part that is done is skipped when the same command runs again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import fresh
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.checks.run import CheckReport
from semivox.data.dataset import CaseFiles, Dataset, groups_of
from semivox.data.formats.sources import digest_of_files
from semivox.data.prepared.store import Store
from semivox.evaluation.score import Row
from semivox.evaluation.tables import write_scores
from semivox.experiments.folds import folds
from semivox.experiments.verdict import Provenance, ScoredOn, Summary, conclude
from semivox.methods.method import MethodConfig
from semivox.pipeline.options import RunOptions
from semivox.pipeline.planning import CheckedDataset
from semivox.pipeline.predict import label_entries, score_entries
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan, prepare_cases, train_method
from semivox.training.folder import RunFolder
from semivox.training.reporter import clock
from semivox.training.settings import RunConfig, configure
from semivox.training.spec import RunSpec, settled

TWIN = "supervised"
"""What every method is measured against: the labeled scans alone."""


Page = Callable[[Path, Dataset], object]


class JobRecord(Frozen):
    """What a job was begun with (job.json): a second call with something else is refused."""

    settings: RunOptions
    files: str
    """Digest of what the data set's files hold."""


@dataclass(frozen=True)
class Trial:
    """One pair of trainings: where it is kept, who is trained on, and who is scored."""

    folder: Path
    split: Split
    scored: tuple[str, ...] = ()


def run_job(
    data: Path,
    out: Path,
    settings: RunOptions | None = None,
    progress: ProgressDisplay | None = None,
    page: Page | None = None,
) -> Summary:
    """Do the whole job into the folder ``out``, or what is left of it, and return what it found.

    ``page`` writes the page about a finished job.

    Raises InputError when scans are unfit (all are named) or ``out`` holds a job with other settings, and
    InterruptedRun after saving when asked to stop.
    """
    settings, progress = settings or RunOptions(), progress or Quiet()
    configs = arms(settings)
    dataset, split = load_dataset(data, settings.split, settings.exclude)
    if not split.unlabeled:
        raise InputError(f"{data} holds no unlabeled scan, so there is nothing to find out; use train --method {TWIN}")
    with _begun(out, JobRecord(settings=settings, files=digest_of_files(dataset))):
        split.save(out / "split.json")
        inspected = _checked(out, dataset, split, progress)
        plan = _decided(out, inspected, settings, configs[settings.method], progress)
        scored_on, trials = planned_trials(out, dataset, split, settings)
        _announce(plan, scored_on, len(trials), progress)
        store = prepare_cases(dataset, split, plan, out / "prepared", progress=progress)
        rows: dict[str, list[Row]] = {name: [] for name in configs}
        for trial in trials:
            for name, config in configs.items():
                rows[name] += _tried(trial, name, config, plan, store, dataset, progress)
        about = _provenance(dataset, split, plan, settings, scored_on, trials)
        both = rows[settings.method], rows[TWIN]
        summary = conclude(settings.method, TWIN, *both, about, groups_of(dataset.entries))
        summary.save(out / "summary.json")
        (out / "summary.txt").write_text(summary.text(), encoding="utf-8")
        if page is not None:
            page(out, dataset)
    progress.say("\n" + summary.text())
    progress.say(f"Model:  {out / settings.method}\nReport: {out / 'report.html'}")
    return summary


def arms(settings: RunOptions) -> dict[str, RunConfig]:
    """The two runs: the twin has the method's settings, seed and steps. Raises InputError for unknown options."""
    if settings.method == TWIN:
        raise InputError(f"{TWIN} is the twin that methods are compared with; name another --method")
    shared = {name: value for name, value in settings.options.items() if name in MethodConfig.model_fields}
    return {
        TWIN: configure(TWIN, shared, settings.train),
        settings.method: settings.config(),
    }


def planned_trials(
    out: Path, dataset: Dataset, split: Split, settings: RunOptions
) -> tuple[ScoredOn, tuple[Trial, ...]]:
    """What is scored, and the trainings that takes; the first trial's models are those to use."""
    labels = {entry.name for entry in dataset.entries if entry.label is not None}
    if test := tuple(name for name in split.test if name in labels):
        return "test", (Trial(out, split, test),)
    if split.validation and settings.train.selection != "validation":
        return "validation", (Trial(out, split, split.validation),)
    groups = groups_of(dataset.entries)
    try:
        cut = folds(split, groups, settings.train.seed)
    except InputError:  # one labeled patient: a model can be trained but not judged, and the summary says so
        return "nothing", (Trial(out, split),)
    held_out = tuple(Trial(out / "folds" / str(index), fold, fold.test) for index, fold in enumerate(cut))
    return "cross-validation", (Trial(out, split), *held_out)


@contextmanager
def _begun(out: Path, record: JobRecord) -> Iterator[None]:
    """Claim and hold the folder: a new one, or one that holds this very job."""
    if not (out / "job.json").exists() and not fresh(out, "job.json"):
        raise InputError(f"{out} is not empty and holds no job; give another --out, or empty it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}; give another --out") from error
    folder = RunFolder(out)
    with folder.locked():
        folder.keep(out / "job.json", record)
        yield


def _checked(out: Path, dataset: Dataset, split: Split, progress: ProgressDisplay) -> CheckedDataset:
    """The report of an earlier call on the same files, or a new one."""
    path = out / "check.json"
    if path.exists():
        return CheckedDataset(dataset, split, CheckReport.load(path))
    inspected = check_or_raise(dataset, split, progress=progress)
    inspected.report.save(path)
    warned = sum(case.verdict == "warning" for case in inspected.report.cases)
    progress.say(f"Checked {len(inspected.report.cases)} scans: no error, {warned} with warnings (check.json).")
    return inspected


def _decided(
    out: Path, inspected: CheckedDataset, settings: RunOptions, config: RunConfig, progress: ProgressDisplay
) -> Plan:
    """The settled plan of an earlier call, or a new one."""
    path = out / "plan.json"
    if not path.exists():
        make_plan(inspected, settings.plan, config, progress).save(path)
    return settled(Plan.load(path), settings.train)


def _announce(plan: Plan, scored_on: ScoredOn, trials: int, progress: ProgressDisplay) -> None:
    """Say what will happen and how long it may take, before it starts."""
    spacing, patch = " x ".join(f"{s:g}" for s in plan.spacing), " x ".join(map(str, plan.patch))
    progress.say(
        f"Plan: {plan.network.name}, {spacing} mm, patch {patch}, {plan.steps} steps (plan.json gives the reasons)."
    )
    if plan.forecast:
        seconds = 2 * trials * plan.steps * plan.forecast.seconds_per_step
        progress.say(
            f"{plan.forecast.seconds_per_step:.2f} s a step of {plan.forecast.method}, "
            f"{plan.forecast.memory_mb / 1024:.1f} GB; {2 * trials} trainings, scored on {scored_on}: "
            f"at most about {clock(seconds)} (h:mm:ss) in all."
        )


def _tried(
    trial: Trial, name: str, config: RunConfig, plan: Plan, store: Store, dataset: Dataset, progress: ProgressDisplay
) -> list[Row]:
    """Train one arm of a trial, label its scans and score them."""
    run = trial.folder / name
    train_method(RunSpec(RunFolder(run), store, trial.split, plan, config), progress)
    entries: list[CaseFiles] = [dataset.entry(case) for case in trial.scored]
    if not entries:
        return []
    label_entries(run, entries, config.train.device, progress)
    rows = score_entries(run, entries, plan)
    write_scores(run, rows, groups_of(entries))
    return rows


def _provenance(
    dataset: Dataset, split: Split, plan: Plan, settings: RunOptions, scored_on: ScoredOn, trials: tuple[Trial, ...]
) -> Provenance:
    return Provenance(
        semivox=version("semivox"),
        dataset=plan.dataset,
        labeled=len(split.labeled),
        unlabeled=len(split.unlabeled),
        scored=sum(len(trial.scored) for trial in trials),
        scored_on=scored_on,
        folds=len(trials) - 1,
        steps=plan.steps,
        seed=settings.train.seed,
        selection=settings.train.selection,
        spacing=plan.spacing,
        patch=plan.patch,
        network=f"{plan.network.name} {json.dumps(dict(plan.network.options))}"
        if plan.network.options
        else plan.network.name,
        precision=plan.precision,
        augmentation=plan.augmentation,
        plan=plan.run_digest(),
        split=split.digest(),
    )
