"""Two folders: ``images/`` and ``labels/``, matched by name; an image without a label is unlabeled.

Both may hold a folder a patient (``nested``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats.volume import stem
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import (
    CHANNEL,
    by_case,
    by_channel,
    channel_count,
    distinct,
    pair,
    scans,
    unread_labels,
)
from semivox.data.layouts.nested import patients_within
from semivox.data.layouts.roles import roles
from semivox.data.layouts.tags import is_label, untagged, without_beginning
from semivox.data.remarks import Remark


def matches(root: Path) -> bool:
    """Whether there is a folder ``images`` (or ``Images``, ``train/images``, ...) with labels for it."""
    return root.is_dir() and ("images", "training") in roles(root)


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a name that two files claim."""
    skipped: list[str] = []
    described = layout_description.describe(root, layout_description.load(root))
    channels = described.channels
    places, entries = roles(root), []
    remarks: list[Remark] = []
    found = {role: scans(folder, skipped) for role, folder in places.items()}
    for part in ("training", "validation", "test"):
        images, labels = found.get(("images", part), []), found.get(("labels", part), [])
        images, labels, more = _sorted_out(images, labels)
        remarks += more
        count = _numbered_channels(images, labels, channels)
        entries += pair(*_matched(_cases(images, count), by_case(labels)), part)
        unlabeled = found.get(("unlabeled", part), []) if part == "training" else []
        entries += pair(_cases(unlabeled, count), {}, part)
    inner = patients_within(places, skipped)
    entries += inner.entries
    for (kind, _), folder in places.items():
        remarks += unread_labels(folder, entries) if kind == "labels" else ()
    return Dataset(
        root,
        "two folders",
        distinct(_joined(entries)),
        channels or inner.channels,
        described.classes,
        described.ignore,
        tuple(skipped),
        (*remarks, *inner.remarks),
    )


def _joined(entries: Iterable[CaseFiles]) -> list[CaseFiles]:
    """An image that lies in a folder of its patient and a label that does not, or the other way round, are one case."""
    found: list[CaseFiles] = []
    places: dict[tuple[str, str | None], int] = {}
    for entry in entries:
        place = places.setdefault((entry.name, entry.part), len(found))
        other = found[place] if place < len(found) else None
        if other is not None and not (other.images and entry.images) and not (other.label and entry.label):
            found[place] = replace(other, images=other.images or entry.images, label=other.label or entry.label)
        else:
            found.append(entry)
    return found


def _cases(paths: list[Path], count: int) -> dict[str, tuple[Path, ...]]:
    """A case a file; with ``count``, the files of as many channels."""
    return by_channel(paths, count) if count else {name: (path,) for name, path in by_case(paths).items()}


def _sorted_out(images: list[Path], labels: list[Path]) -> tuple[list[Path], list[Path], list[Remark]]:
    """Files of the images folder that are labels by their name, beside the image they belong to, go to the labels."""
    names = {untagged(path) for path in images if not is_label(path)}
    misplaced = [path for path in images if is_label(path) and untagged(path) in names]
    if not misplaced:
        return images, labels, []
    known = {untagged(path) for path in labels}
    taken = [path for path in misplaced if untagged(path) not in known]
    left = [path for path in misplaced if untagged(path) in known]
    remarks = []
    if taken:
        text = f"labels among the images ({len(taken)}, such as {taken[0].name}); they are used as labels"
        fix = "No action if that is right; a folder of their own would make it clear."
        remarks.append(Remark("label_beside_image", text, fix, "note"))
    if left:
        text = f"files among the images whose names say label ({len(left)}, such as {left[0].name}), "
        text += "but the labels folder has a label of the same case; they are not used"
        fix = "Move them out of the images folder, and check which of the two labels is right."
        remarks.append(Remark("two_labels", text, fix))
    return [path for path in images if path not in set(misplaced)], [*labels, *taken], remarks


def _matched(
    images: dict[str, tuple[Path, ...]], labels: dict[str, Path]
) -> tuple[dict[str, tuple[Path, ...]], dict[str, Path]]:
    """Names as they are where any label finds its image; else without ``img``, ``label`` and the like in front."""
    if not labels or images.keys() & labels.keys():
        return images, labels
    short_images = {without_beginning(name): files for name, files in images.items()}
    short_labels = {without_beginning(name): file for name, file in labels.items()}
    unique = len(short_images) == len(images) and len(short_labels) == len(labels)
    return (short_images, short_labels) if unique and short_images.keys() & short_labels.keys() else (images, labels)


def _numbered_channels(images: list[Path], labels: list[Path], declared: Sequence[str] | None) -> int:
    """How many channels ``_0000`` at the end of names counts; 0 where it numbers the cases, as in the labels' names."""
    names = {untagged(path) for path in labels}
    stems = [stem(path) for path in images]
    bases = {match["case"] for name in stems if (match := CHANNEL.match(name))}
    if not bases & names or names & set(stems):
        return 0
    labeled = [path for path in images if (match := CHANNEL.match(stem(path))) and match["case"] in names]
    return channel_count(labeled) if declared is None else len(declared)
