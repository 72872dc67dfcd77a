"""semivox train, predict, evaluate: one model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import run_options, typed
from semivox.cli.display import display
from semivox.cli.option_groups import takes
from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.core.processes.cores import MOST_PROCESSES

BACKENDS = o.one_of("torch", "onnxruntime")


@takes(wanted=run_options.TRAIN)
def train(
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder; one with an unfinished run is resumed.")],
    wanted: Mapping[str, Any],
    plan: Annotated[Path | None, typer.Option(help="plan.json. Default: the run's own, or a new one.")] = None,
    prepared: Annotated[Path | None, typer.Option(help="Prepared scans. Default: RUN/prepared.")] = None,
    extend_to: Annotated[
        int | None, typer.Option(help="Go on with a finished run to so many steps, by their schedule.", min=1)
    ] = None,
    begin: Annotated[
        str | None, typer.Option(help="Train a finished run's next round, on new labels, too: scratch or warm.")
    ] = None,
    hours: o.Time = None,
) -> None:
    """Train one method; checks, plans and prepares the scans first where that is not done.

    Stop it with Ctrl-C at any time; run the same command again to resume (exit code 75 says so).

    Example: semivox train scans/ -o runs/em --method embedding_matching --set method.decay=0.95
    """
    from semivox import api
    from semivox.core.processes.launcher import first_process
    from semivox.pipeline.progress import Quiet

    progress = display() if first_process() else Quiet()
    more: dict[str, Any] = {"extend_to": extend_to, "begin": begin, "hours": hours, "progress": progress}
    run = api.train(data, out, plan=plan, prepared=prepared, **more, **wanted)
    command = shlex.join(["semivox", "predict", str(run), "-i", "SCANS", "-o", "LABELS"])
    progress.say(f"The model is in {run / 'model'}. Use it: {command}")


@takes(options=run_options.PLAN, wanted=run_options.PRETRAIN)
def pretrain(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; an unfinished pretraining is resumed.")],
    options: Mapping[str, Any],
    wanted: Mapping[str, Any],
    data: o.DataIfAny = None,
    invented: Annotated[
        bool, typer.Option("--invented", help="Learn from invented shapes, without any scan; DATA is not given then.")
    ] = False,
) -> None:
    """Learn from all training scans, labeled or not, without their labels: weights for train and run to start from.

    Parts of patches are hidden, and the network learns to rebuild them. Scans to be scored stay out: give the same
    --split here and there.

    With --invented no scan is needed: random shapes are painted twice, and the network learns what is the same shape.

    Example: semivox pretrain scans/ -o pre/ --split split.json

    Example: semivox pretrain --invented -o pre/ --network small --time 0.25
    """
    from semivox import api

    if invented == (data is not None):
        raise InputError(
            f"--invented needs no scans: leave out {data}, or --invented"
            if invented
            else "DATA is missing: give a folder of scans, or --invented to learn without any"
        )
    progress = display()
    fields = wanted["plan_fields"]
    others = {name: value for name, value in wanted.items() if name != "plan_fields"}
    api.pretrain(data, out, plan={**options, "fields": fields}, progress=progress, **others)
    command = shlex.join(["semivox", "run", str(data or "SCANS"), "--out", "JOB", "--start", str(out)])
    progress.say(f"The weights are in {out}. Use them: {command}")


@takes(windows=run_options.WINDOWS)
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Job, run or model folder, or model.onnx.")],
    inputs: Annotated[Path, typer.Option("--in", "-i", help="Scan, folder of scans, or DICOM folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the labels.")],
    windows: Mapping[str, Any],
    save: Annotated[
        str | None,
        typer.Option(
            help="Also: probabilities,entropy,disagreement (maps); dicom-seg,rtstruct,seg-nrrd,itksnap,nifti,csv."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace labels that another scan or program made.")
    ] = False,
    device: o.Device = "auto",
    precision: Annotated[str | None, typer.Option(help="32-true or bf16-mixed. Default: as it was trained.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="Processes that share the scans. Default: 1; with --on ray one a GPU, or a core.",
            min=1,
            max=MOST_PROCESSES,
        ),
    ] = None,
    on: o.PredictOn = "here",
    address: o.Address = "auto",
    backend: Annotated[
        str, typer.Option(help="torch, or onnxruntime with an exported model.onnx.", autocompletion=BACKENDS)
    ] = "torch",
) -> None:
    """Label scans: on each scan's own grid, with the label values of the training data.

    Several calls with the same folders, also on machines that share a disk, divide the scans among them.

    Example: semivox predict runs/em -i new_scans/ -o labels/ --save entropy
    """
    from semivox import api

    progress = display()
    written = api.predict(
        run,
        inputs,
        out,
        save=typed.names(save, "--save"),
        overwrite=overwrite,
        device=device,
        precision=precision,
        processes=processes,
        on=on,
        address=address,
        backend=backend,
        progress=progress,
        **windows,
    )
    progress.say(f"{plural(len(written), 'scan is', 'scans are')} labeled; the labels are in {out}.")


def evaluate(
    reference: Annotated[Path, typer.Option("--reference", "-r", help="Folder of references.")],
    prediction: Annotated[Path, typer.Option("--prediction", "-p", help="Folder of predicted labels.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for scores.csv and scores.json.")] = None,
    ignore: Annotated[int | None, typer.Option(help="Label value of voxels that are not scored.")] = None,
    workers: Annotated[int, typer.Option(help="Further processes that score; 0: none.", min=0, max=256)] = 0,
    json: o.Json = False,
) -> None:
    """Score predicted labels: Dice, distances in mm, volumes, with 95 % intervals over cases.

    Example: semivox evaluate -r references/ -p labels/ -o scores/
    """
    from semivox import api

    rows = api.evaluate(reference, prediction, out, ignore=ignore, workers=workers, progress=display())
    if json:
        from semivox.evaluation.summary import summarize
        from semivox.evaluation.tables import ScoreFile

        print(ScoreFile(summary=summarize(rows), rows=tuple(rows)).model_dump_json(indent=2))
    else:
        from semivox.evaluation.summary import summary_text

        print(summary_text(rows))
