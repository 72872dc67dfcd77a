"""Which classes were looked for in a case, where not all were: ``annotated`` in dataset.json or a column of a table.

What was not looked for is unlabeled there, not background: a voxel without a label may be of any class that nobody
looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.core.voxel_codes import MOST_CLASSES
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.scan import ScanError
from semivox.data.formats.segments import named, plain, segments_of
from semivox.data.layouts import description as layout_description

FIELD = "annotated"
BY_SEGMENTS = "segments"
"""The word for: in each label those classes were looked for that its file names (SEG, RTSTRUCT, .seg.nrrd)."""


def with_annotated(dataset: Dataset) -> Dataset:
    """The cases with the classes that were looked for. Raises InputError for names that do not exist."""
    said = layout_description.load(dataset.root).get(FIELD)
    if said == BY_SEGMENTS:
        dataset, said = replace(dataset, entries=tuple(_by_segments(entry, dataset) for entry in dataset.entries)), None
    if said is not None and not (isinstance(said, dict) and all(isinstance(names, list) for names in said.values())):
        raise InputError(
            f'{layout_description.locate(dataset.root)}: "{FIELD}" must be like {{"case_1": ["liver"]}}, or '
            f'"{BY_SEGMENTS}"; received {said!r}'
        )
    listed = {str(case): tuple(map(str, names)) for case, names in (said or {}).items()}
    known = {entry.name for entry in dataset.entries}
    if unknown := sorted(listed.keys() - known):
        raise InputError(f'"{FIELD}" names {unknown[0]!r}, of which {dataset.root} has no scan; it has {some(known)}')
    entries = tuple(
        replace(entry, annotated=listed.get(entry.name, entry.annotated)) if listed or entry.annotated else entry
        for entry in dataset.entries
    )
    for entry in entries:
        if entry.annotated is not None:
            _require_classes(entry.name, entry.annotated, dataset.classes)
    return replace(dataset, entries=entries)


def segments_tell(root: Path) -> bool:
    """Whether the labels of a data set say themselves, by their names of classes, what was looked for in them."""
    return bool(layout_description.load(root).get(FIELD) == BY_SEGMENTS)


def sought_in(label: Path, classes: Sequence[ClassInfo] | None) -> tuple[str, ...] | None:
    """The classes that a label file names, empty segments too; None where it names none. Raises ScanError."""
    there = {plain(segment.name) for segment in named(segments_of(label))}
    if not there:
        return None
    if classes is None:
        return tuple(sorted(there))  # refused: classes need names, too
    return tuple(info.name for info in classes if info.value and plain(info.name) in there)


def _by_segments(entry: CaseFiles, dataset: Dataset) -> CaseFiles:
    """The case with the classes that its label file names; as it is where the file names none, or cannot be read."""
    if entry.label is None or entry.annotated is not None:
        return entry
    try:
        return replace(entry, annotated=sought_in(entry.label, dataset.classes))
    except (ScanError, OSError):  # the check says what is wrong with it
        return entry


def require_looked_for(labeled: Sequence[CaseFiles], dataset: Dataset) -> None:
    """Raise InputError where the cases for training leave a class out: nobody looked for it in any of them.

    Also where all of them are looked through in part and the classes are more than the losses can join.
    """
    if dataset.classes is None or any(entry.annotated is None for entry in labeled):
        return
    if len(dataset.classes) > MOST_CLASSES:
        raise InputError(
            f"in each labeled case of {dataset.root} only some of {len(dataset.classes)} classes were looked for, and "
            f"at most {MOST_CLASSES} (background included) can be trained so; label all classes in at least one case, "
            "or name fewer classes"
        )
    sought = {name for entry in labeled for name in entry.annotated or ()}
    if nowhere := [info.name for info in dataset.classes if info.value and info.name not in sought]:
        raise InputError(
            f"{dataset.root}: {nowhere[0]!r} was looked for in no labeled scan for training, so nothing can teach it; "
            "label it in one, or take it out of the classes in dataset.json"
        )


def _require_classes(case: str, names: tuple[str, ...], classes: tuple[ClassInfo, ...] | None) -> None:
    """Raise InputError where a class has no such name, or none has one."""
    if classes is None:
        raise InputError(
            f'{case!r} says which classes were looked for; name all classes under "labels" in dataset.json'
        )
    there = [info.name for info in classes if info.value]
    if wrong := [name for name in names if name not in there]:
        raise InputError(f"{case!r}: {wrong[0]!r} was looked for, and is no class; there are {', '.join(there)}")
    if not names:
        raise InputError(f"{case!r}: no class was looked for; take its label away instead")
