"""Lists of files in ``dataset.json``: the Medical Segmentation Decathlon, MONAI's datalists, nnU-Net version 1.

A 4D image, or a list of images, holds the channels. nnU-Net 1 lists ``case.nii.gz`` for ``case_0000.nii.gz``, ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.volume import stem
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import CHANNEL, distinct, scans
from semivox.data.layouts.paths import Paths
from semivox.data.layouts.tags import untagged
from semivox.data.remarks import Remark

LISTS = {
    "training": "training", "unlabeled": "training", "validation": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""List in ``dataset.json`` -> what its cases are for."""


def matches(root: Path) -> bool:
    """Whether there is a ``dataset.json`` (or one other JSON file) with a list ``training``."""
    return isinstance(layout_description.load(root).get("training"), list)


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a bad ``dataset.json``."""
    file, content = layout_description.locate(root), layout_description.load(root)
    described = layout_description.describe(root, content)
    paths = Paths(file.parent, file.name)
    skipped, entries, channels = [], [], Channels()
    for name, part in LISTS.items():
        for item in content.get(name) or []:
            entry = _entry(file, paths, channels, name, item, part)
            if any(path.name.startswith(".") for path in (*entry.images, *([entry.label] if entry.label else []))):
                skipped.append(f"{entry.images[0].name}: a hidden file")
            else:
                entries.append(entry)
    entries = _named_apart(file.parent, entries)
    more, remarks = _unlisted(entries)
    return Dataset(
        root,
        "MSD",
        distinct([*entries, *more]),
        described.channels,
        described.classes,
        described.ignore,
        tuple(skipped),
        (*paths.remarks(), *remarks),
    )


class Channels:
    """nnU-Net 1: the files ``case_0000.nii.gz``, ``case_0001.nii.gz`` that are meant by ``case.nii.gz``."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[tuple[str, str], list[Path]]] = {}

    def of(self, path: Path) -> list[Path]:
        """The files of the channels, in their order; each folder is looked at once."""
        if path.parent not in self._folders:
            found = self._folders[path.parent] = {}
            for other in sorted(path.parent.glob("*")) if path.parent.is_dir() else []:
                if match := CHANNEL.match(stem(other)):
                    found.setdefault((suffix_of(other), match["case"]), []).append(other)
        return self._folders[path.parent].get((suffix_of(path), stem(path)), [])


def _entry(file: Path, paths: Paths, channels: Channels, name: str, item: Any, part: str) -> CaseFiles:
    """One item of a list: {"image": ..., "label": ...}, or the image's path alone."""
    files = {"image": item} if isinstance(item, str) else item
    given = files.get("image") if isinstance(files, dict) else None
    images = [given] if isinstance(given, str) else given
    if not isinstance(images, list) or not images or not all(isinstance(image, str) for image in images):
        raise InputError(f'{file}: "{name}" must hold {{"image": path, "label": path}}, not {item!r}')
    label = files.get("label")
    label = label[0] if isinstance(label, list) and len(label) == 1 else label
    if label is not None and not isinstance(label, str):
        raise InputError(f'{file}: "{name}": the label of {images[0]!r} must be one path, not {label!r}')
    found = [paths.find(image) for image in images]
    case = untagged(found[0])
    if len(found) == 1 and not found[0].exists():
        found = channels.of(found[0]) or found
    drawn = paths.find(label) if label else None
    if drawn is None and part == "test":
        drawn = _label_beside(found[0], case)
    return CaseFiles(case, tuple(found), None if name == "unlabeled" else drawn, part)


def _label_beside(image: Path, case: str) -> Path | None:
    """The label of a listed test image in ``labelsTs`` beside ``imagesTs``, which the lists of nnU-Net 1 leave out."""
    folder = image.parent.with_name(image.parent.name.replace("images", "labels"))
    if folder == image.parent or not folder.is_dir():
        return None
    return next((path for path in scans(folder, []) if untagged(path) == case), None)


def _named_apart(base: Path, entries: list[CaseFiles]) -> list[CaseFiles]:
    """Cases by the names of their files; where those are alike (one folder a patient), by the folder's too."""
    counts = Counter(entry.name for entry in entries)
    if len(counts) == len(entries):
        return entries
    places = [_place(base, entry.images[0]) for entry in entries]
    folders = [place[-1] if place else "" for place in places]
    if len(set(folders)) == len(entries):
        return [replace(entry, name=folder) for entry, folder in zip(entries, folders, strict=True)]
    return [
        replace(entry, name="_".join([*place, entry.name])) if counts[entry.name] > 1 else entry
        for entry, place in zip(entries, places, strict=True)
    ]


def _place(base: Path, image: Path) -> tuple[str, ...]:
    """The folders between the list and the image."""
    try:
        return tuple(part for part in image.parent.relative_to(base).parts if part != ".")
    except ValueError:
        return image.parent.parts[-1:]


def _unlisted(entries: Iterable[CaseFiles]) -> tuple[list[CaseFiles], list[Remark]]:
    """Scans in the folder of the listed training images that no list names.

    Those of nnU-Net 1 (numbered channels) without a label are unlabeled, as in nnU-Net's folders; others are told.
    """
    listed = {path for entry in entries for path in entry.images}
    training = [entry for entry in entries if entry.part == "training" and entry.images]
    folders = {entry.images[0].parent for entry in training}
    labels = {entry.label.parent for entry in training if entry.label}
    if len(folders) != 1 or folders & labels:
        return [], []
    others = [path for path in scans(folders.pop(), []) if path not in listed]
    drawn = {untagged(path) for folder in labels for path in scans(folder, [])}
    numbered = any(
        CHANNEL.match(stem(path)) and not CHANNEL.match(entry.name) for entry in training for path in entry.images
    )
    free: dict[str, list[Path]] = {}
    unused = []
    for path in others:
        match = CHANNEL.match(stem(path))
        if numbered and match and match["case"] not in drawn:
            free.setdefault(match["case"], []).append(path)
        else:
            unused.append(path)
    if not unused:
        remarks = []
    else:
        text = (
            f"{plural(len(unused), 'scan is', 'scans are')} in no list and not used: "
            f"{some(path.name for path in unused)}"
        )
        remarks = [Remark("not_listed", text, 'To train on them too, add them to "training" or "unlabeled".', "note")]
    return [CaseFiles(name, tuple(files), None, "training") for name, files in free.items()], remarks
