"""Which classes were looked for in a case, where not all were: ``annotated`` in dataset.json or a column of a table.

What was not looked for is unlabeled there, not background: a voxel without a label may be of any class that nobody
looked for.
"""

from __future__ import annotations

from dataclasses import replace

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.data.dataset import Dataset, some
from semivox.data.layouts import description as layout_description

FIELD = "annotated"


def with_annotated(dataset: Dataset) -> Dataset:
    """The cases with the classes that were looked for. Raises InputError for names that do not exist."""
    said = layout_description.load(dataset.root).get(FIELD)
    if said is not None and not (isinstance(said, dict) and all(isinstance(names, list) for names in said.values())):
        raise InputError(
            f'{layout_description.locate(dataset.root)}: "{FIELD}" must be like {{"case_1": ["liver"]}}; '
            f"received {said!r}"
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
