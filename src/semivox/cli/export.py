"""semivox export: results as files that other tools open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semivox.cli.display import display
from semivox.core.plurals import plural

if TYPE_CHECKING:
    from semivox.core.plan import ClassInfo


def export(
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help="Label file, or folder of labels that predict wrote.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    to: Annotated[str, typer.Option(help="dicom-seg, seg.nrrd, itksnap, or csv.")],
    source: Annotated[Path | None, typer.Option(help="dicom-seg: folder of the DICOM series that was labeled.")] = None,
    model: Annotated[Path | None, typer.Option(help="Run folder; its model names the classes.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="csv: scan, or folder of the scans, for mean intensities.")
    ] = None,
) -> None:
    """Write labels as files that other tools open; nothing that exists is replaced.

    Example: semivox export labels/ -o slicer/ --to seg.nrrd --model runs/em
    """
    from semivox.export.labels import export_labels

    written = export_labels(labels, out, to, () if model is None else _classes(model), source, images)
    display().say(f"{plural(len(written), 'file is', 'files are')} written to {out}.")


def _classes(model: Path) -> tuple[ClassInfo, ...]:
    """The classes of a run's model. Raises InputError."""
    from semivox.training.model import load_model

    return tuple(load_model(model)[1].plan.classes)
