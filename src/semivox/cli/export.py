"""semivox export: results and models as files that other tools open."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semivox.cli.display import display
from semivox.cli.options import one_of
from semivox.core.plurals import plural

if TYPE_CHECKING:
    from semivox.core.plan import ClassInfo

MODELS = ("onnx", "monai-bundle")
"""What a model can be written as."""
LOGS = ("tensorboard", "mlflow", "wandb")
"""What the log of a training can be written as."""


def export(
    what: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS|MODEL|RUN",
            help="Label, or folder of labels; a model for onnx, monai-bundle; a run for logs.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="Labels: dicom-seg, rtstruct, seg-nrrd, itksnap, nifti, csv. Models: onnx, monai-bundle. Logs: "
            "tensorboard, mlflow, wandb.",
            autocompletion=one_of(
                "dicom-seg", "rtstruct", "seg-nrrd", "itksnap", "nifti", "csv", "onnx", "monai-bundle", *LOGS
            ),
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the files.")] = None,
    source: Annotated[
        Path | None,
        typer.Option(help="dicom-seg, rtstruct: folder of the DICOM series that was labeled, or of several by name."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Run or job whose model names the classes.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="csv: scan, or folder of the scans, for mean intensities.")
    ] = None,
    opset: Annotated[int | None, typer.Option(help="onnx: version of the operators. Default: 20.")] = None,
    server: Annotated[str | None, typer.Option(help="mlflow: address of a server, instead of --out.")] = None,
) -> None:
    """Write labels, a model, or the log of a training as files that other tools open; nothing that exists is replaced.

    Example: semivox export labels/ -o slicer/ --to seg-nrrd --model runs/em
    """
    from semivox.core.errors import InputError

    if opset is not None and to != "onnx":
        raise InputError("--opset is for --to onnx; leave it out")
    if server is not None and to != "mlflow":
        raise InputError("--server is for --to mlflow; leave it out")
    if to in LOGS:
        _log(what, out, to, server)
    elif out is None:
        raise InputError("where to? give a folder with --out")
    elif to in MODELS:
        _model(what, out, to, opset)
    else:
        from semivox.export.labels import export_labels
        from semivox.inference.results import map_files

        classes = () if model is None else _classes(model)
        written = export_labels(what, out, to, classes, source, images, map_files(what))
        display().say(f"{plural(len(written), 'file is', 'files are')} written to {out}.")


def _log(run: Path, out: Path | None, to: str, server: str | None) -> None:
    from semivox.core.errors import InputError
    from semivox.training.export_log import export_run

    if server is None and out is None:
        raise InputError("where to? give a folder with --out, or the address of an MLflow server with --server")
    count = export_run(run, to, server or str(out))
    display().say(f"{count} rows of {run / 'log.jsonl'} are in {server or out}.")


def _model(model: Path, out: Path, to: str, opset: int | None) -> None:
    from semivox.export.onnx_file import DEFAULT

    if to == "monai-bundle":
        from semivox.pipeline.bundle import export_bundle

        export_bundle(model, out)
        display().say(f"The bundle is in {out}; MONAI runs it: python -m monai.bundle run (see {out / 'docs'}).")
        return
    from semivox.pipeline.model_export import export_onnx

    path, found = export_onnx(model, out, DEFAULT if opset is None else opset)
    display().say(
        f"{path} says what the model says: probabilities differ by {found:.1g} at most.\n"
        f"Use it: semivox predict {shlex.quote(str(path))} -i SCANS -o LABELS --backend onnxruntime"
    )


def _classes(model: Path) -> tuple[ClassInfo, ...]:
    """The classes of a run's model. Raises InputError."""
    from semivox.training.ensemble import card_of

    return tuple(card_of(model).plan.classes)
