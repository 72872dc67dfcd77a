"""One training from a data folder: check, plan and prepare where that is not done yet, then train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.pipeline.options import PlanChoices, checked, known_options, with_fields
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import check_or_raise, load_dataset, make_plan, prepare_cases, train_method
from semivox.training.folder import RunFolder
from semivox.training.reporter import clock
from semivox.training.settings import RunConfig, TrainSettings, configure


@dataclass(frozen=True)
class Request:
    """What a training is asked to be."""

    method: str = "embedding_matching"
    ablation: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the method's Config."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of TrainSettings."""
    plan: Plan | Path | None = None
    """None: the run's own plan if it has one, else a new one."""
    plan_fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the plan to overrule."""
    split: Split | Path | None = None
    exclude: tuple[str, ...] = ()
    prepared: Path | None = None
    """Where prepared scans are kept; None: in the run folder."""


def train_one(data: Path, out: Path, request: Request, progress: ProgressDisplay | None = None) -> Path:
    """Train into the run folder ``out``, or go on with it; returns it. Raises InputError and InterruptedRun."""
    progress = progress or Quiet()
    known_options(request.method, request.options)
    config = configure(request.method, request.options, settings_of(request.settings), request.ablation)
    folder = RunFolder(out)
    if folder.split.exists() and request.split is None and not request.exclude:
        dataset, split = load_dataset(data, folder.split)
    else:
        dataset, split = load_dataset(data, request.split, request.exclude)
    folder.create()
    folder.keep(folder.config, config)
    folder.keep(folder.split, split)
    if folder.done.exists():
        progress.say(f"{out} is finished already.")
        return out
    begun = folder.plan.exists()
    plan = _plan_of(folder, request)
    if not begun:
        inspected = check_or_raise(dataset, split, progress=progress)
        plan = plan or make_plan(inspected, PlanChoices(), config.method, config.train.device, config.options)
    assert plan is not None
    plan = with_fields(plan, request.plan_fields)
    folder.keep(folder.plan, plan)
    _announce(plan, config, progress)
    store = prepare_cases(dataset, split, plan, request.prepared or out / "prepared", progress=progress)
    train_method(store, split, plan, config, out, progress)
    return out


def _announce(plan: Plan, config: RunConfig, progress: ProgressDisplay) -> None:
    """Say what training will cost, as far as it was measured."""
    steps = config.train.steps or plan.steps
    if plan.forecast:
        cost, what = clock(steps * plan.forecast.seconds_per_step), plan.forecast.method
        progress.say(f"{steps} steps, about {cost} (h:mm:ss) if they cost what was measured for {what}.")


def settings_of(fields: Mapping[str, Any]) -> TrainSettings:
    """Fields as TrainSettings. Raises InputError naming the field, with the nearest right name."""
    return checked(TrainSettings, "training settings", **fields)


def _plan_of(folder: RunFolder, request: Request) -> Plan | None:
    """The plan that was given, or the one the run began with, or None."""
    if isinstance(request.plan, Plan):
        return request.plan
    if request.plan is not None:
        return Plan.load(request.plan)
    return Plan.load(folder.plan) if folder.plan.exists() else None
