"""semivox run, watch, demo: the main job, the same in rounds, and on invented scans."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import run_options, typed
from semivox.cli.display import display
from semivox.cli.option_groups import takes
from semivox.core.errors import SemivoxError
from semivox.core.processes.cores import MOST_PROCESSES


@takes(options=run_options.PLAN, wanted=run_options.JOB)
def run(
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Job folder; one with an unfinished job is resumed.")],
    wanted: dict[str, Any],
    options: Mapping[str, Any],
    processes: Annotated[
        int | None,
        typer.Option(
            help="Trainings to run at the same time, one process each. Default: as many as fit.",
            min=1,
            max=MOST_PROCESSES,
        ),
    ] = None,
    on: o.On = "here",
    address: o.Address = "auto",
    slurm: o.Slurm = None,
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="Label the unlabeled scans with the better model at the end.")
    ] = True,
    begin: Annotated[
        str | None,
        typer.Option(help="Of a next round: scratch, or warm from the last weights. Default: scratch."),
    ] = None,
) -> None:
    """The main job: from a folder of scans to a model, and to an answer whether the unlabeled scans helped.

    Checks, plans, prepares, trains the method and its supervised twin, labels and scores scans that neither has seen
    (the test set, else the validation set, else cross-validation), writes summary.txt and report.html, and labels
    the unlabeled scans with the better model. Stop it with Ctrl-C at any time; run the same command again to resume.
    With new labels in the data folder, the same command begins the next round in JOB/rounds; test scans stay.

    Example: semivox run scans/ --out job/
    """
    from semivox.core.processes.launcher import require_alone
    from semivox.experiments import asked_again

    require_alone("run")
    request = {**wanted, "plan": dict(options), "labels": labels, "begin": begin}
    if (said := asked_again.answer(request, data, out)) is not None:
        display().say(f"Finished before, and nothing has changed since.\n{said}")
        return
    from semivox import api

    asked_again.forget(out)
    fields = wanted.pop("plan_fields")
    where: dict[str, Any] = {"on": on, "address": address, "slurm": typed.assignments(slurm, "--slurm")}
    chosen = {**options, "fields": fields}
    summary = api.run(
        data, out, plan=chosen, processes=processes, labels=labels, begin=begin, progress=display(), **where, **wanted
    )
    from semivox.data import layouts
    from semivox.data.formats.sources import scan_files
    from semivox.experiments.job import closing_words
    from semivox.rounds.folder import rounds_of

    answered = asked_again.HERE / rounds_of(out)[-1].folder.relative_to(out)
    said = closing_words(rounds_of(out)[-1].folder, summary, answered)
    with suppress(SemivoxError):  # the scans have gone meanwhile: next time the job is looked into
        asked_again.remember(request, data, scan_files(layouts.find(data)), out, said)


@takes(options=run_options.PLAN, wanted=run_options.RUN)
def watch(
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Job folder.")],
    wanted: dict[str, Any],
    options: Mapping[str, Any],
    begin: Annotated[str | None, typer.Option(help="Of next rounds: scratch, or warm. Default: scratch.")] = None,
    every: Annotated[float, typer.Option(help="Seconds between looks into the data folder.", min=1)] = 60.0,
    last: Annotated[int | None, typer.Option(help="Round after which to end. Default: none.", min=1)] = None,
) -> None:
    """As run, then the next round whenever labels have arrived in the data folder; Ctrl-C ends it.

    Example: semivox watch scans/ --out job/
    """
    from semivox import api

    chosen = {**options, "fields": wanted.pop("plan_fields")}
    api.watch(data, out, plan=chosen, begin=begin, every=every, last=last, progress=display(), **wanted)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where data, models and report go.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Only some seconds: too short to learn anything.")] = False,
) -> None:
    """The main job on invented CT scans of hips: some minutes on two cores, no data needed.

    Example: semivox demo --out demo/
    """
    from semivox import api

    api.demo(out, quick=quick, progress=display())
