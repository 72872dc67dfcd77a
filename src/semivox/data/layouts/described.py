"""What a data set says of a folder of labels: classes, the value to ignore, what was looked for in which file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats import registry
from semivox.data.formats.volume import stem
from semivox.data.layouts import csv, description, recognize
from semivox.data.layouts.annotated import FIELD, with_annotated
from semivox.data.layouts.roles import child


@dataclass(frozen=True)
class Described:
    """What is said of the label files of a folder."""

    classes: tuple[ClassInfo, ...] | None = None
    ignore: int | None = None
    annotated: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """Label file, resolved -> the classes that were looked for in it, where these are not all."""

    def values_in(self, label: Path) -> tuple[int, ...] | None:
        """The values that a label file can be asked about; None: all."""
        names = self.annotated.get(label.resolve())
        if names is None:
            return None
        return tuple(info.value for info in self.classes or () if info.name in names)


def described(labels: Path) -> Described:
    """What the data set of a folder of labels (or of one label) says of them; nothing where there is none.

    The data set is the folder, or one of the two above it, with a ``dataset.json`` or a table. Labels without their
    scans are known by their names alone. Raises InputError where what was looked for cannot be meant.
    """
    folder = labels if labels.is_dir() else labels.parent
    files = {path.resolve() for path in _files(folder)}
    for place in (folder, folder.parent, folder.parent.parent):
        for found in (_data_set(place), _labels_alone(place, folder)):
            if found is not None and any(entry.label and entry.label.resolve() in files for entry in found.entries):
                return _said(found)
    return Described()


def _data_set(place: Path) -> Dataset | None:
    """The data set of a folder that has a description or a table; None where it cannot be listed."""
    try:
        tells = description.locate(place).is_file() or csv.matches(place)
        return recognize.find(place) if tells else None
    except InputError:  # labels can be scored without their scans
        return None


def _labels_alone(place: Path, folder: Path) -> Dataset | None:
    """The labels of a folder as ``place/dataset.json`` tells of them; None where it does not. Raises InputError."""
    content: dict[str, Any] = {}
    try:
        file = child(place, description.NAME)
        content = description.load(file) if file.is_file() else {}
        about = description.describe(place, content)
    except InputError:
        if FIELD in content:
            raise
        return None
    if not content:
        return None
    said = content.get(FIELD)
    found = [CaseFiles(stem(path), (), path) for path in _files(folder)]
    missing = sorted({*said} - {entry.name for entry in found}) if isinstance(said, dict) else []
    entries = (*found, *(CaseFiles(name, (), None) for name in missing))
    return with_annotated(Dataset(place, "labels", entries, classes=about.classes, ignore=about.ignore))


def _said(dataset: Dataset) -> Described:
    annotated = {
        entry.label.resolve(): entry.annotated
        for entry in dataset.entries
        if entry.label is not None and entry.annotated is not None
    }
    return Described(dataset.classes, dataset.ignore, annotated)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.is_file() and registry.suffix_of(path)]
