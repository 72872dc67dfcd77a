"""semivox check, plan, prepare: what happens to the scans before training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import run_options, typed
from semivox.cli.display import display
from semivox.cli.given_paths import require_replaceable
from semivox.cli.option_groups import takes
from semivox.core.plurals import plural
from semivox.methods import DEFAULT

if TYPE_CHECKING:
    from semivox.core.plan import Plan

Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write.")]


def check(
    data: o.Data,
    split: o.SplitFile = None,
    labeled: o.Labeled = None,
    exclude: o.Exclude = None,
    workers: o.Workers = None,
    phi: Annotated[
        bool, typer.Option("--phi", help="Also warn of header fields and names that may reveal who a patient is.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="A line for every case, with all its findings.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write everything to this file (JSON).")] = None,
    json: o.Json = False,
) -> None:
    """Look at every scan and label: can they be trained on, and what will happen? What is wrong, with the fix.

    Layouts: two folders images/ and labels/ (an image without a label is unlabeled), nnU-Net raw, lists in
    dataset.json, labels beside images, BIDS, a CSV table, the left-atrium benchmark. Exit code 2 if something must be
    fixed.

    Example: semivox check scans/
    """
    from semivox import api
    from semivox.data.checks.findings import CheckReport

    target = out and (out / "check.json" if out.is_dir() else out)
    if target is not None:
        require_replaceable(target, CheckReport)
    left_out = typed.names(exclude, "--exclude")
    report = api.check(data, typed.who(split, labeled), workers, display(), phi=phi, exclude=left_out)
    if target is not None:
        report.save(target)
    text = report.listing() if everything else report.text()
    print(report.model_dump_json(indent=2) if json else text, end="\n" if json else "")
    if not report.ok:
        raise typer.Exit(2)


def join(
    data: Annotated[list[Path], typer.Argument(metavar="DATA...", help="Two data folders (or tables) or more.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the joined set; new or empty.")],
) -> None:
    """Make one data set of several, such as two that label different organs; then: semivox run OUT.

    Classes are joined by their names, whatever their label values. What a set does not label is unlabeled in its
    scans, not background. Scans stay where they are; labels are written anew. Cases of the same name are told apart by
    their set, and a scan that several sets have gets the labels of all.

    Example: semivox join livers/ spleens/ -o both/
    """
    from semivox import api

    print(api.join(data, out, display()).text())
    display().say(f"The joined set is {out}. Look at it: semivox check {out}")


@takes(options=run_options.PLAN)
def plan(
    data: o.Data,
    out: Out,
    options: Mapping[str, Any],
    method: o.MethodName = DEFAULT,
    split: o.SplitFile = None,
    labeled: o.Labeled = None,
    exclude: o.Exclude = None,
    device: o.TrainDevice = None,
    workers: o.Workers = None,
    sets: o.Sets = None,
) -> None:
    """Decide spacing, patch, network, precision and steps, each with its reason; measure what training will cost.

    Example: semivox plan scans/ -o plan.json --time 8 --memory 16
    """
    from semivox import api
    from semivox.core.files import make_folder
    from semivox.core.plan import Plan
    from semivox.pipeline.assignments import parse_overrides

    target = out / "plan.json" if out.is_dir() or not out.suffix else out
    require_replaceable(target, Plan)
    progress, asked = display(), parse_overrides(sets or ())
    made = api.plan(
        data,
        split=typed.who(split, labeled),
        exclude=typed.names(exclude, "--exclude"),
        method=method,
        options=asked.method,
        settings=asked.train,
        device=device,
        workers=workers,
        progress=progress,
        fields=asked.plan,
        **options,
    )
    make_folder(target.parent)
    made.save(target)
    progress.say(explained(made))
    progress.say(f"Written to {target}.")


def prepare(
    data: o.Data,
    out: Out,
    plan: Annotated[Path | None, typer.Option(help="plan.json. Default: a new plan.")] = None,
    split: o.SplitFile = None,
    labeled: o.Labeled = None,
    exclude: o.Exclude = None,
    workers: o.Workers = None,
) -> None:
    """Put all training scans on the plan's grid, once; several runs can share the result (train --prepared).

    Example: semivox prepare scans/ -o prepared/ --plan plan.json
    """
    from semivox import api
    from semivox.core.plan import Plan

    progress = display()
    left_out = typed.names(exclude, "--exclude")
    common: dict[str, Any] = {"split": typed.who(split, labeled), "exclude": left_out, "workers": workers}
    made = Plan.load(plan) if plan else api.plan(data, progress=progress, **common)
    store = api.prepare(data, out, plan=made, progress=progress, **common)
    progress.say(f"{plural(len(store.names), 'scan is', 'scans are')} ready in {out}.")


def explained(plan: Plan) -> str:
    """The plan in lines: each choice and why it was made."""
    from semivox.training.durations import expected

    lines = []
    for name, reason in plan.reasons.items():
        value = getattr(plan, name, None)
        shown = "" if value is None or name in ("intensity", "fingerprint") else f" {_short(value)}"
        lines.append(f"{name}:{shown}  ({reason})")
    if plan.forecast:
        cost = plan.forecast
        lines.append(
            f"forecast: {expected(cost, plan.steps)}, {cost.memory_mb / 1024:.1f} GB on {cost.device}  (measured: "
            f"{cost.seconds_per_step:.2g} s a step of {cost.method} with {plural(cost.threads, 'thread')})"
        )
    return "\n".join(lines)


def _short(value: object) -> str:
    from semivox.core.plan import NetworkChoice

    if isinstance(value, NetworkChoice):
        return f"{value.title} {json.dumps(dict(value.options))}"
    if isinstance(value, tuple) and value and isinstance(value[0], bool):
        return ", ".join(axis for axis, on in zip("xyz", value, strict=True) if on) or "off"
    if isinstance(value, tuple) and value and hasattr(value[0], "name"):
        return ", ".join(item.name for item in value)
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)
