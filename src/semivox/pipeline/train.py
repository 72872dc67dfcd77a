"""One training from a data folder: check, plan and prepare where that is not done yet, then train."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.processes.launcher import first_process
from semivox.core.split import Split
from semivox.data.augmentation.schemes import require_allowed
from semivox.data.dataset import Dataset, some
from semivox.data.prepared.store import Store, make_place
from semivox.pipeline.options import RunOptions, with_fields
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan, prepare_cases, readers_of
from semivox.training.durations import expected
from semivox.training.extend import extend
from semivox.training.folder import RunFolder
from semivox.training.model import require_model
from semivox.training.run import check_parts, require_possible, train_run
from semivox.training.settings import RunConfig
from semivox.training.spec import IN_THE_PLAN, RunSpec, kept_plan
from semivox.training.start import require_fit
from semivox.training.together import connect, wait_for_first, with_launchers_processes
from semivox.training.warm_start import require_unseen_by


def train_one(
    data: Path,
    out: Path,
    options: RunOptions,
    plan: Plan | None = None,
    prepared: Path | None = None,
    progress: ProgressDisplay | None = None,
    extend_to: int | None = None,
) -> Path:
    """Train into the run folder ``out``, or resume what is there; returns it. Raises InputError and InterruptedRun.

    ``plan``: None for the run's own plan if it has one, else a new one; ``prepared``: where prepared scans are kept,
    None for the run folder. ``extend_to``: steps to which a finished run goes on (``training.extend``).
    """
    progress, folder = progress or Quiet(), RunFolder(out)
    connect(progress.say)
    if options.plan.hours is not None and (plan is not None or extend_to is not None):
        other = "a plan" if plan is not None else "--extend-to"
        raise InputError(f"--time and {other} both say how long to train; give one of them")
    if extend_to is not None:
        if options.train.steps is not None and options.train.steps != extend_to:
            raise InputError("--steps and --extend-to both say how long to train; give one of them")
        if first_process():
            extend(folder, extend_to)
        wait_for_first()
        options = options.model_copy(update={"train": options.train.model_copy(update={"steps": extend_to})})
    if plan is not None and options.recipe is not None:
        raise InputError(
            f"--plan and --recipe {options.recipe} both decide the plan; leave out one of them, and set what a recipe "
            "has otherwise by --set plan.FIELD=VALUE"
        )
    config = with_launchers_processes(options.config())
    if (told := options.told()) and first_process():
        progress.say(told)
    store = Store(prepared or out / "prepared")
    if first_process():
        _made_ready(data, store, folder, options, config, plan, progress)
    wait_for_first()
    if folder.done.exists():
        return out
    spec = RunSpec(folder, store, Split.load(folder.split), Plan.load(folder.plan), config)
    train_run(spec, progress.reporter())
    return out


def _made_ready(
    data: Path,
    store: Store,
    folder: RunFolder,
    options: RunOptions,
    config: RunConfig,
    plan: Plan | None,
    progress: ProgressDisplay,
) -> None:
    """Check, plan and prepare where that is not done, and write down what the run is to be. Raises InputError."""
    if folder.split.exists() and options.split is None and not options.exclude:
        dataset, split = load_dataset(data, folder.split)
        if told := _labels_since(dataset, split, folder):
            progress.say(told)
    else:
        dataset, split = load_dataset(data, options.split, options.exclude)
    folder.create()
    make_place(store.folder)
    if folder.config.exists():  # of a run that has begun; a new one is written down once it is known to fit
        folder.keep(folder.config, config, free=IN_THE_PLAN)
        folder.keep(folder.split, split)
    begun = kept_plan(folder)
    if begun is not None and options.plan.hours is not None:
        progress.say(f"This run has {plural(begun.steps, 'step')}, decided when it began; --time changes them no more.")
    plan = plan or begun
    if folder.done.exists():
        if plan is not None:  # what is asked for must be what was trained
            RunSpec(folder, store, split, with_fields(plan, options.plan.fields), config).keep()
        require_model(folder.path)
        progress.say(f"{folder.path} is already finished.")
        return
    check_parts(split, config)
    if begun is None:
        checked = check_or_raise(dataset, split, readers_of(config.train), progress)
        plan = plan or make_plan(checked, options.plan, config, progress)
    assert plan is not None
    spec = RunSpec(folder, store, split, with_fields(plan, options.plan.fields), config)
    if config.train.start is not None:
        require_fit(Path(config.train.start), spec.plan, split)
    if config.train.warm_start is not None:
        require_unseen_by(Path(config.train.warm_start), config.method, split)
    _ = spec.batch  # refuses a batch that cannot be shared now, not after hours of preparing
    require_allowed(spec.plan)
    spec.keep()
    _announce(spec, progress)
    try:
        prepare_cases(dataset, split, spec.plan, store.folder, readers_of(config.train), progress)
        require_possible(spec)
    except InputError:
        if begun is None:
            _forget(folder)
        raise


def _labels_since(dataset: Dataset, split: Split, run: RunFolder) -> str:
    """What to say of labels that have come since the run began, of scans that it knows as unlabeled; nothing without
    any."""
    new = sorted({entry.name for entry in dataset.entries if entry.label is not None} & {*split.unlabeled})
    if not new:
        return ""
    how = (
        "--begin scratch trains on them, too, or --begin warm, from the last weights, as a next round in this folder"
        if run.done.exists()
        else "Once it is finished, --begin scratch or --begin warm trains on them, too, as a next round in this folder"
    )
    return (
        f"{plural(len(new), 'scan has', 'scans have')} a label which this run does not use, as there was none when it "
        f"began: {some(new)}. {how}"
    )


def _forget(folder: RunFolder) -> None:
    """Take back what a run that cannot be was to be, so that the corrected command is not held against it."""
    for path in (folder.plan, folder.split, folder.config):
        path.unlink(missing_ok=True)


def _announce(spec: RunSpec, progress: ProgressDisplay) -> None:
    """Say what training will cost, as far as it was measured."""
    steps, forecast = spec.plan.steps, spec.plan.forecast
    if forecast:
        progress.say(
            f"{plural(steps, 'step')} in {spec.plan.precision}, about {expected(forecast, steps)}. A step of "
            f"{forecast.method} took {forecast.seconds_per_step:.2g} s when the plan was made; the time left is "
            "corrected while it trains."
        )
