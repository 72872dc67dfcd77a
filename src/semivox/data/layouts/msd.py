"""Medical Segmentation Decathlon: ``dataset.json`` lists pairs of files; a 4D image holds the channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import distinct, untagged

LISTS = {"training": "training", "unlabeled": "training", "validation": "validation", "test": "test"}
"""List in ``dataset.json`` -> what its cases are for."""


def matches(root: Path) -> bool:
    """Whether ``dataset.json`` has a list ``training``."""
    if not (root / layout_description.NAME).is_file():
        return False
    return isinstance(layout_description.load(root).get("training"), list)


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a bad ``dataset.json``."""
    content = layout_description.load(root)
    described = layout_description.describe(root, content)
    skipped: list[str] = []
    entries = []
    for name, part in LISTS.items():
        for item in content.get(name, []):
            entry = _entry(root, name, item, part)
            if any(path.name.startswith(".") for path in (*entry.images, *([entry.label] if entry.label else []))):
                skipped.append(f"{entry.images[0].name}: a hidden file")
            else:
                entries.append(entry)
    return Dataset(
        root, "MSD", distinct(entries), described.channels, described.classes, described.ignore, tuple(skipped)
    )


def _entry(root: Path, name: str, item: Any, part: str) -> CaseFiles:
    """One item of a list: {"image": ..., "label": ...}, or the image's path alone."""
    files = {"image": item} if isinstance(item, str) else item
    if not isinstance(files, dict) or not isinstance(files.get("image"), str):
        raise InputError(f'{root / "dataset.json"}: "{name}" must hold {{"image": path, "label": path}}, not {item!r}')
    image, label = root / files["image"], files.get("label")
    return CaseFiles(untagged(image), (image,), root / str(label) if label else None, part)
