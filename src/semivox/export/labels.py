"""From label files to the files of other tools, each whole or absent, and none replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semivox.core.csv_files import write_csv
from semivox.core.errors import InputError
from semivox.core.files import make_folder
from semivox.core.plan import ClassInfo
from semivox.core.spelling import not_there, suggestion
from semivox.data.formats import registry
from semivox.data.formats.volume import stem
from semivox.data.layouts.names import scans
from semivox.export.forms import FORMS, NAMES, TABLE, TABLE_FILE, form_name
from semivox.export.named import read_named
from semivox.export.statistics import HEADINGS, class_rows


def export_labels(
    labels: Path,
    out: Path,
    to: str,
    classes: Sequence[ClassInfo] = (),
    source: Path | None = None,
    images: Path | None = None,
    skip: Sequence[str] = (),
) -> list[Path]:
    """Write each label of a file or folder in the form ``to`` into the folder ``out``; returns the files.

    ``classes``: names of values, of the model that made the labels; without them, those in or beside the label.
    ``source``: the DICOM series the label lies on, or a folder of series named as the labels. ``images``: scan, or
    folder of scans named as the labels, for means. ``skip``: names of files in the folder that are no labels.
    Raises InputError, before anything is written, for what is missing or there already.
    """
    form = form_name(to)
    if form not in NAMES:
        raise InputError(f"labels cannot be exported to {to!r}{suggestion(to, NAMES)}; choose from {', '.join(NAMES)}")
    if out.is_file():
        raise InputError(f"the output {out} is a file; give a folder")
    with_series = form in FORMS and FORMS[form].on_series
    for given, name, goes, only in (
        (source, "--source", with_series, "dicom-seg and rtstruct"),
        (images, "--images", form == TABLE, "csv"),
    ):
        if given is not None and not goes:
            raise InputError(f"{name} goes with --to {only} alone; leave it out")
    found = label_files(labels, skip)
    ending = "" if form == TABLE else FORMS[form].ending
    targets = [out / TABLE_FILE] if form == TABLE else [out / f"{stem(path)}{ending}" for path in found]
    if (there := next((path for path in targets if path.exists()), None)) is not None:
        raise InputError(f"{there} exists already; remove it or give another --out")
    if len(set(targets)) < len(found) and form != TABLE:
        raise InputError(f"two labels in {labels} have the same name; rename one of them")
    if form == TABLE:
        write_table(targets[0], [(path, image_of(path, images)) for path in found], classes)
        return targets
    if FORMS[form].on_series and source is None:
        raise InputError(f"{form} refers to the DICOM series that the label lies on: give its folder with --source")
    sources = [series_of(path, source, len(found)) if FORMS[form].on_series else None for path in found]
    for path, target, series in zip(found, targets, sources, strict=True):
        write_form(form, target, path, classes, series)
    return targets


def write_form(form: str, target: Path, label: Path, classes: Sequence[ClassInfo], source: Path | None) -> None:
    """Write one label in one form. Raises InputError, ScanError or SemivoxError; then there is no file."""
    scan, segments = read_named(label, classes, source if FORMS[form].on_series else None)
    FORMS[form].write(target, label, scan, segments, source)


def write_table(target: Path, labels: Sequence[tuple[Path, Path | None]], classes: Sequence[ClassInfo]) -> None:
    """Write the statistics of labels, each with its scan or None, as one table. Raises InputError."""
    rows = [row for path, image in labels for row in class_rows(path, classes, image)]
    make_folder(target.parent)
    write_csv(target, HEADINGS, rows)


def label_files(labels: Path, skip: Sequence[str] = ()) -> list[Path]:
    """The labels of a file or folder. Raises InputError if there are none."""
    if not labels.exists():
        raise InputError(f"{not_there(labels)}; give a label, or the folder that predict wrote")
    found = [labels] if labels.is_file() else [path for path in scans(labels, skipped=[]) if path.name not in skip]
    if not found:
        raise InputError(f"{labels} holds no label file; give the folder that predict wrote")
    return found


def series_of(label: Path, source: Path | None, labels: int) -> Path | None:
    """The series of a label: the one given, or the one of the label's name. Raises InputError."""
    if source is None:
        return None
    own = source / stem(label)
    if own.is_dir() and registry.find(own) is not None:
        return own
    if labels > 1:
        raise InputError(
            f"{source} has no folder {stem(label)!r} with the series of {label.name}; give a folder of series that are "
            "named as the labels, or export the labels one by one"
        )
    return source


def image_of(label: Path, images: Path | None) -> Path | None:
    """The scan of a label: the one file given, or the one of the label's name. Raises InputError if it is missing."""
    if images is None or images.is_file():
        return images
    for path in scans(images, skipped=[]) if images.is_dir() else ():
        if stem(path) in (stem(label), f"{stem(label)}_0000"):
            return path
    raise InputError(f"{images} holds no scan named {stem(label)}; give the folder that was predicted")
