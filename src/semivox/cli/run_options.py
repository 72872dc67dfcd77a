"""Options that commands take together, as one value: of a plan, of a training, of labeling scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semivox.cli import options as o
from semivox.cli import typed
from semivox.cli.option_groups import OptionGroup
from semivox.methods import DEFAULT


def _plan(spacing: str | None, patch: str | None, **others: Any) -> dict[str, Any]:
    return typed.given(spacing=typed.triple(spacing, "--spacing"), patch=typed.whole_triple(patch, "--patch"), **others)


def _run(
    method: str,
    ablation: str | None,
    recipe: str | None,
    split: Path | None,
    labeled: int | None,
    exclude: str | None,
    sets: list[str] | None,
    start: Path | None = None,
    **train: Any,
) -> dict[str, Any]:
    from semivox.core.mappings import merged
    from semivox.pipeline.assignments import parse_overrides

    wanted = parse_overrides(sets or ())
    return {
        "method": method,
        "ablation": ablation,
        "recipe": recipe,
        "split": typed.who(split, labeled),
        "exclude": typed.names(exclude, "--exclude"),
        "options": wanted.method,
        "settings": merged(wanted.train, typed.given(start=None if start is None else str(start.resolve()), **train)),
        "plan_fields": wanted.plan,
    }


def _pretrain(
    split: Path | None, labeled: int | None, exclude: str | None, sets: list[str] | None, **train: Any
) -> dict[str, Any]:
    asked = _run(DEFAULT, None, None, split, labeled, exclude, sets, **train)
    return {name: asked[name] for name in ("split", "exclude", "options", "settings", "plan_fields")}


PLAN = OptionGroup(
    {
        "memory_gb": o.Memory,
        "hours": o.Time,
        "spacing": o.SpacingText,
        "patch": o.PatchText,
        "network": o.Network,
        "steps": o.Steps,
    },
    _plan,
)
"""What the user decides about a plan -> fields of PlanOptions."""
RUN = OptionGroup(
    {
        "method": o.MethodName,
        "ablation": o.Ablation,
        "recipe": o.Recipe,
        "split": o.SplitFile,
        "labeled": o.Labeled,
        "exclude": o.Exclude,
        "seed": o.Seed,
        "device": o.TrainDevice,
        "workers": o.BatchWorkers,
        "readers": o.Readers,
        "start": o.Start,
        "sets": o.Sets,
    },
    _run,
    {"method": DEFAULT},
)
"""What is trained and how -> arguments of ``api.train``."""
JOB = OptionGroup({**RUN.options, "devices": o.JobDevices}, _run, {"method": DEFAULT})
"""The same of ``api.run``."""
TRAIN = OptionGroup(
    {**RUN.options, "steps": o.Steps, "devices": o.Devices, "nodes": o.Nodes, "precision": o.Precision},
    _run,
    {"method": DEFAULT},
)
"""The same where one training is all there is."""


_NO_METHOD = ("split", "labeled", "exclude", "seed", "device", "workers", "readers", "sets")
PRETRAIN = OptionGroup({name: RUN.options[name] for name in _NO_METHOD}, _pretrain)
"""How a pretraining is done -> arguments of ``api.pretrain``."""


def _windows(stride: str | None, **others: Any) -> dict[str, Any]:
    return {**others, "stride": typed.whole_triple(stride, "--stride")}


WINDOWS = OptionGroup(
    {
        "blend": o.Blend,
        "overlap": o.Overlap,
        "stride": o.Stride,
        "mirror": o.Mirror,
        "largest_component": o.LargestComponent,
    },
    _windows,
    {"blend": "gaussian", "overlap": 0.5, "mirror": False, "largest_component": False},
)
"""How a scan's windows become one answer -> arguments of ``api.predict``."""
