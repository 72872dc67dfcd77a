"""From label files to the files of other tools, each whole or absent, and none replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semivox.core.csv_files import write_csv
from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.plan import ClassInfo
from semivox.data.formats.volume import stem, write_segmentation
from semivox.data.layouts.names import scans
from semivox.export.descriptions import description
from semivox.export.named import read_named
from semivox.export.statistics import HEADINGS, class_rows

ENDINGS = {"dicom-seg": "_seg.dcm", "seg.nrrd": ".seg.nrrd", "itksnap": ".label", "csv": ""}
"""What can be made of labels, and how the files are named after the label; ``csv`` is one table, ``classes.csv``."""
TABLE = "classes.csv"


def export_labels(
    labels: Path,
    out: Path,
    to: str,
    classes: Sequence[ClassInfo] = (),
    source: Path | None = None,
    images: Path | None = None,
) -> list[Path]:
    """Write each label of a file or folder in the form ``to`` into the folder ``out``; returns the files.

    ``classes``: names of values, of the model that made the labels; without them, those in or beside the label.
    ``source``: the DICOM series the label lies on. ``images``: scan, or folder of scans named as the labels, for means.
    Raises InputError, before anything is written, for what is missing or there already.
    """
    if to not in ENDINGS:
        raise InputError(f"labels cannot be exported to {to!r}; choose from {', '.join(ENDINGS)}")
    if out.is_file():
        raise InputError(f"the output {out} is a file; give a folder")
    for given, name, only in ((source, "--source", "dicom-seg"), (images, "--images", "csv")):
        if given is not None and to != only:
            raise InputError(f"{name} goes with --to {only} alone; leave it out")
    found = label_files(labels)
    targets = [out / TABLE] if to == "csv" else [out / f"{stem(path)}{ENDINGS[to]}" for path in found]
    if (there := next((path for path in targets if path.exists()), None)) is not None:
        raise InputError(f"{there} exists already; remove it or give another --out")
    if len(set(targets)) < len(found) and to != "csv":
        raise InputError(f"two labels in {labels} have the same name; rename one of them")
    if to == "csv":
        rows = [row for path in found for row in class_rows(path, classes, image_of(path, images))]
        out.mkdir(parents=True, exist_ok=True)
        write_csv(targets[0], HEADINGS, rows)
    elif to == "dicom-seg":
        _as_dicom(found, targets, classes, source)
    else:
        for path, target in zip(found, targets, strict=True):
            scan, segments = read_named(path, classes)
            out.mkdir(parents=True, exist_ok=True)
            if to == "seg.nrrd":
                write_segmentation(target, scan.array[0], scan.header.grid, segments)
            else:
                write_text(target, description(segments))
    return targets


def label_files(labels: Path) -> list[Path]:
    """The labels of a file or folder. Raises InputError if there are none."""
    if not labels.exists():
        raise InputError(f"{labels} does not exist; give a label, or the folder that predict wrote")
    found = [labels] if labels.is_file() else scans(labels, skipped=[])
    if not found:
        raise InputError(f"{labels} holds no label file; give the folder that predict wrote")
    return found


def image_of(label: Path, images: Path | None) -> Path | None:
    """The scan of a label: the one file given, or the one of the label's name. Raises InputError if it is missing."""
    if images is None or images.is_file():
        return images
    for path in scans(images, skipped=[]) if images.is_dir() else ():
        if stem(path) in (stem(label), f"{stem(label)}_0000"):
            return path
    raise InputError(f"{images} holds no scan named {stem(label)}; give the folder that was predicted")


def _as_dicom(
    found: Sequence[Path], targets: Sequence[Path], classes: Sequence[ClassInfo], source: Path | None
) -> None:
    """Each label as a segmentation object of its series."""
    if source is None:
        raise InputError("a DICOM segmentation refers to the series it lies on: give its folder with --source")
    if len(found) > 1:
        raise InputError(f"{len(found)} labels but one --source: export them one by one, each with its own series")
    from semivox.export.dicom_seg import write_seg

    scan, segments = read_named(found[0], classes)
    write_seg(targets[0], found[0], scan, segments, source)
