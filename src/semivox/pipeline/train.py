"""One training from a data folder: check, plan and prepare where that is not done yet, then train."""

from __future__ import annotations

from pathlib import Path

from semivox.core.plan import Plan
from semivox.pipeline.options import RunOptions, with_fields
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan, prepare_cases, train_method
from semivox.training.folder import RunFolder
from semivox.training.reporter import clock
from semivox.training.settings import RunConfig


def train_one(
    data: Path,
    out: Path,
    options: RunOptions,
    plan: Plan | None = None,
    prepared: Path | None = None,
    progress: ProgressDisplay | None = None,
) -> Path:
    """Train into the run folder ``out``, or resume what is there; returns it. Raises InputError and InterruptedRun.

    ``plan``: None for the run's own plan if it has one, else a new one; ``prepared``: where prepared scans are kept,
    None for the run folder.
    """
    progress = progress or Quiet()
    config = options.config()
    folder = RunFolder(out)
    if folder.split.exists() and options.split is None and not options.exclude:
        dataset, split = load_dataset(data, folder.split)
    else:
        dataset, split = load_dataset(data, options.split, options.exclude)
    folder.create()
    folder.keep(folder.config, config)
    folder.keep(folder.split, split)
    if folder.done.exists():
        progress.say(f"{out} is finished already.")
        return out
    begun = folder.plan.exists()
    if plan is None and begun:
        plan = Plan.load(folder.plan)
    if not begun:
        inspected = check_or_raise(dataset, split, progress=progress)
        plan = plan or make_plan(inspected, options.plan, config.method, config.train.device, config.options)
    assert plan is not None
    plan = with_fields(plan, options.plan.fields)
    folder.keep(folder.plan, plan)
    _announce(plan, config, progress)
    store = prepare_cases(dataset, split, plan, prepared or out / "prepared", progress=progress)
    train_method(store, split, plan, config, out, progress)
    return out


def _announce(plan: Plan, config: RunConfig, progress: ProgressDisplay) -> None:
    """Say what training will cost, as far as it was measured."""
    steps = config.train.steps or plan.steps
    if plan.forecast:
        cost, what = clock(steps * plan.forecast.seconds_per_step), plan.forecast.method
        progress.say(f"{steps} steps, about {cost} (h:mm:ss) if they cost what was measured for {what}.")
