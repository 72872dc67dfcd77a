"""A pretraining on invented shapes: from a network's name to weights to start from, and no scan on the way."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data.planning import cost, sizing, topology
from semivox.data.planning.options import PlanOptions
from semivox.data.prepared.store import Store
from semivox.networks.blueprint import architecture
from semivox.pipeline.options import RunOptions, with_fields
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.training.durations import expected
from semivox.training.folder import RunFolder
from semivox.training.forecast import forecast
from semivox.training.run import train_run
from semivox.training.spec import RunSpec, kept_plan

PATCH = (48, 48, 48)
"""The largest of a step: large ones would leave a CPU too few steps in the minutes that anybody waits."""
PATCHES = 2
"""A step: as many voxels as one label map painted twice has."""
STEPS = 10_000
"""About an hour of one processor core for the network ``small``."""
OF_SCANS = {"memory_gb": "--memory", "spacing": "--spacing"}


def pretrain_invented(out: Path, options: RunOptions, progress: ProgressDisplay | None = None) -> Path:
    """Pretrain in the run folder ``out``, or resume what is there; returns it. Raises InputError and InterruptedRun."""
    progress, folder, config = progress or Quiet(), RunFolder(out), options.config()
    _require_no_scans(options)
    plan, begun = invented_plan(options.plan), kept_plan(folder)
    folder.create()
    if begun is None:
        with progress.bar("measuring training steps, in seconds") as count:
            plan = forecast(plan, config, {"precision", *options.plan.fields}, count)
        if options.plan.hours is not None and options.plan.steps is None and config.train.steps is None:
            plan = _within(plan, options.plan.hours)
    else:  # what was measured at its beginning stays; all else must be what it was
        measured = ("precision", "channels_last", "forecast", *(["steps"] if options.plan.hours is not None else []))
        kept = {name: getattr(begun, name) for name in measured if name not in options.plan.fields}
        plan = plan.model_copy(update=kept)
    spec = RunSpec(folder, Store(out / "prepared"), Split(labeled=()), plan, config)
    spec.keep()
    if folder.done.exists():
        progress.say(f"{out} is already finished.")
        return out
    if spec.plan.forecast is not None and begun is None:
        progress.say(f"{spec.plan.steps} steps in {spec.plan.precision}, about "
                     f"{expected(spec.plan.forecast, spec.plan.steps)}.")  # fmt: skip
    train_run(spec, progress.reporter())
    return out


def invented_plan(options: PlanOptions) -> Plan:
    """The plan of a pretraining without scans. Raises InputError where patch and network do not go together."""
    family = cost.family(options.network or "vnet")
    strides = ((2, 2, 2),) * (family.levels - 1)
    patch = options.patch or PATCH
    topology.require_divisible(patch, [strides])
    network, reason = sizing.choose_network(family, strides, (1.0, 1.0, 1.0), patch, options)
    plain = {name: 0 for name in ("dropout", "coarse") if name in type(architecture(family.name, {})).model_fields}
    classes, channels = (ClassInfo(name="ground", value=0), ClassInfo(name="shape", value=1)), ("invented",)
    plan = Plan(
        dataset="invented shapes",
        classes=classes,
        channels=channels,
        spacing=(1.0, 1.0, 1.0),
        patch=patch,
        intensity=(Intensity(scheme="none"),),
        network=NetworkChoice(name=network.name, options={**network.options, **plain}),
        labeled_per_step=PATCHES,
        unlabeled_per_step=0,
        steps=options.steps or STEPS,
        augmentation="none",
        fingerprint=Fingerprint(dataset="invented shapes", channels=channels, classes=classes, cases=()),
        reasons={
            "network": f"{reason}; no dropout, as nothing is seen twice",
            "patch": "chosen by the user" if options.patch else "the largest of a step; others are smaller",
            "precision": "float32: some processors compute gradients of so few voxels wrongly in bfloat16",
            "steps": "chosen by the user" if options.steps else "the default without scans",
        },
    )
    return with_fields(plan, options.fields)


def _within(plan: Plan, hours: float) -> Plan:
    """With the steps that the hours allow, by the steps that were measured."""
    assert plan.forecast is not None
    steps = max(1, int(hours * 3600 / plan.forecast.seconds(1)))
    found = plan.forecast.model_copy(update={"hours": round(plan.forecast.seconds(steps) / 3600, 3)})
    reasons = dict(plan.reasons) | {"steps": f"what {hours:g} hours allow at {found.seconds_per_step:.2g} s a step"}
    return plan.model_copy(update={"steps": steps, "forecast": found, "reasons": reasons})


def _require_no_scans(options: RunOptions) -> None:
    """Raise InputError for what only scans have."""
    given = [name for field, name in OF_SCANS.items() if getattr(options.plan, field) is not None]
    given += ["--split or --labeled"] if options.split is not None else []
    given += ["--exclude"] if options.exclude else []
    if given:
        raise InputError(f"{', '.join(given)}: shapes are invented without any scan, so leave this out")
