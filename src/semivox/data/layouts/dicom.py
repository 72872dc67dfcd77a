"""A DICOM export as archives write it, PATIENT/STUDY/SERIES or any other folders: what lies where, the headers say.

Each series of images is a case; the segmentation or structure set that names it is its label. Localizers, series with
fewer than three images, and series of another modality than the labeled ones are passed over with a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.core.plurals import plural
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.dicom.folders import CHOICE, files_below
from semivox.data.formats.segments import plain
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import distinct

if TYPE_CHECKING:
    from semivox.data.formats.dicom.archive import Archive, ImageSeries, LabelFile

FEWEST = 3
"""Images of a scan; localizers have one to three."""


def matches(root: Path) -> bool:
    """Whether some file below the folder is DICOM."""
    return root.is_dir() and next(files_below(root), None) is not None


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a label that belongs to several series, or a series with two labels."""
    from semivox.data.formats.dicom.archive import survey  # imports pydicom, which most data sets do not need

    archive = survey(root)
    if archive.damaged:
        count = len(archive.damaged)
        raise InputError(f"{root}: {plural(count, 'DICOM file')} cannot be read, such as: {archive.damaged[0]}")
    skipped = [f"{count} x {kind}: neither an image nor a label" for kind, count in sorted(archive.others.items())]
    described = layout_description.describe(root, layout_description.load(root))
    labels = _labels(archive, described.classes or (), skipped)
    kept = _kept(archive, labels, skipped)
    names = _names(root, kept)
    patients = {one.patient: _top(root, one) for one in reversed(kept) if one.patient}
    entries = [
        CaseFiles(
            names[one.uid],
            (_path(one, archive),),
            labels[one.uid].path if one.uid in labels else None,
            "training",
            patients.get(one.patient) or _top(root, one),
        )
        for one in kept
    ]
    modalities = sorted({one.modality for one in kept})
    channels = described.channels or (tuple(modalities) if len(modalities) == 1 and modalities[0] else None)
    return Dataset(root, "DICOM", distinct(entries), channels, described.classes, described.ignore, tuple(skipped))


def _labels(archive: Archive, classes: Sequence[ClassInfo], skipped: list[str]) -> dict[str, LabelFile]:
    """Series -> its label; of several, the one that has drawn the declared classes."""
    found: dict[str, list[LabelFile]] = {}
    for label in archive.labels:
        series = archive.drawn_on(label)
        if len(series) > 1:
            raise InputError(
                f"{label.path} belongs to {len(series)} series, in {_folder(series[0])} and {_folder(series[1])}; "
                "list image and label of each case in a CSV table"
            )
        if not series:
            skipped.append(f"{label.path.name}: a label of a series that is not here")
        else:
            found.setdefault(series[0].uid, []).append(label)
    return {uid: _chosen(labels, classes, skipped) for uid, labels in found.items()}


def _chosen(labels: Sequence[LabelFile], classes: Sequence[ClassInfo], skipped: list[str]) -> LabelFile:
    """The one label of a series that is meant. Raises InputError where nothing tells which."""
    if len(labels) == 1:
        return labels[0]
    wanted = {plain(info.name) for info in classes[1:]}
    whole = [one for one in labels if wanted and wanted <= {plain(name) for name in one.names}]
    some_of = [one for one in labels if wanted & {plain(name) for name in one.names}]
    fitting = whole or some_of
    if len(fitting) != 1:
        listed = "; ".join(f"{one.path.name} ({some(one.names, 4) or 'no names'})" for one in labels[:4])
        raise InputError(
            f"{labels[0].path} and {labels[1].path} are labels of one series, with: {listed}. Keep the one meant, or "
            "list image and label of each case in a CSV table. If one of them alone has the classes, "
            "dataset.json can say so, by their names"
        )
    others = ", ".join(one.path.name for one in labels if one is not fitting[0])
    skipped.append(f"{others}: other labels of the same series; {fitting[0].path.name} has the declared classes")
    return fitting[0]


def _kept(archive: Archive, labels: Mapping[str, LabelFile], skipped: list[str]) -> list[ImageSeries]:
    """The series that are cases, in order of their folders."""
    wanted = {archive.series[uid].modality for uid in labels}
    kept = []
    for one in sorted(archive.series.values(), key=lambda one: (str(_folder(one)), one.uid)):
        words = f"{_folder(one).name}: series {one.description or one.uid} of {plural(one.images, 'image')}"
        if one.uid not in labels and (one.is_localizer or one.images < FEWEST):
            skipped.append(f"{words}, a localizer or single pictures")
        elif wanted and one.modality not in wanted:
            skipped.append(
                f"{words}, {one.modality or 'no modality'}; the labeled ones are {', '.join(sorted(wanted))}"
            )
        else:
            kept.append(one)
    return kept


def _folder(series: ImageSeries) -> Path:
    """The folder that holds all files of a series."""
    return Path(commonpath([str(folder) for folder in series.folders]))


def _path(series: ImageSeries, archive: Archive) -> Path:
    """The folder, with the series' UID where it holds others too."""
    folder = _folder(series)
    alone = not any(other.folders & series.folders for other in archive.series.values() if other is not series)
    return folder if alone and len(series.folders) == 1 else folder.with_name(f"{folder.name}{CHOICE}{series.uid}")


def _top(root: Path, series: ImageSeries) -> str:
    """The first folder below the root: the patient's."""
    parts = _folder(series).relative_to(root).parts
    return parts[0] if parts else root.resolve().name


def _names(root: Path, kept: Sequence[ImageSeries]) -> dict[str, str]:
    """Series -> case: the patient's folder; where that holds several series, all folders, and the UID's last part."""
    tops = Counter(_top(root, one) for one in kept)
    names = {one.uid: _top(root, one) for one in kept}
    for one in kept:
        if tops[names[one.uid]] > 1:
            names[one.uid] = "_".join(_folder(one).relative_to(root).parts) or names[one.uid]
    counts = Counter(names.values())
    return {uid: f"{name}_{uid.rsplit('.', 1)[-1]}" if counts[name] > 1 else name for uid, name in names.items()}
