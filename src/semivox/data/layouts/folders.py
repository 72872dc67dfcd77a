"""Two folders: ``images/`` and ``labels/``, matched by name; an image without a label is unlabeled."""

from __future__ import annotations

from pathlib import Path

from semivox.data.dataset import Dataset, Remark
from semivox.data.formats.volume import stem
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import CHANNEL, by_case, by_channel, distinct, pair, scans, unread_labels, untagged
from semivox.data.layouts.roles import roles
from semivox.data.layouts.tags import is_label, without_beginning


def matches(root: Path) -> bool:
    """Whether there is a folder ``images`` (or ``Images``, ``train/images``, ...) with labels for it."""
    return root.is_dir() and ("images", "training") in roles(root)


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a name that two files claim."""
    skipped: list[str] = []
    places, entries = roles(root), []
    remarks: list[Remark] = []
    found = {role: scans(folder, skipped) for role, folder in places.items()}
    for part in ("training", "validation", "test"):
        images, labels = found.get(("images", part), []), found.get(("labels", part), [])
        images, labels, more = _sorted_out(images, labels)
        remarks += more
        numbered = _channels_are_numbered(images, labels)
        cases = by_channel(images) if numbered else _single(images)
        entries += pair(*_matched(cases, by_case(labels)), part)
        unlabeled = found.get(("unlabeled", part), []) if part == "training" else []
        entries += pair(by_channel(unlabeled) if numbered else _single(unlabeled), {}, part)
    for (kind, _), folder in places.items():
        remarks += unread_labels(folder, entries) if kind == "labels" else ()
    described = layout_description.describe(root, layout_description.load(root))
    return Dataset(
        root,
        "two folders",
        distinct(entries),
        described.channels,
        described.classes,
        described.ignore,
        tuple(skipped),
        tuple(remarks),
    )


def _single(paths: list[Path]) -> dict[str, tuple[Path, ...]]:
    """A case a file."""
    return {name: (path,) for name, path in by_case(paths).items()}


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
        text = f"{len(taken)} label(s) lie among the images, such as {taken[0].name}; they are taken for labels"
        fix = "No action if that is right; a folder of their own makes it plain."
        remarks.append(Remark("note", "label_beside_image", text, fix))
    if left:
        text = f"{len(left)} file(s) among the images are labels by their name, such as {left[0].name}, "
        text += "but the labels folder has a label of the same case; they are passed over"
        fix = "Move them out of the images folder, and see which of the two labels is right."
        remarks.append(Remark("warning", "two_labels", text, fix))
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


def _channels_are_numbered(images: list[Path], labels: list[Path]) -> bool:
    """Whether ``_0000`` at the end counts channels: only if the labels' names lack it (else it numbers the cases)."""
    names = {untagged(path) for path in labels}
    stems = [stem(path) for path in images]
    bases = {match["case"] for name in stems if (match := CHANNEL.match(name))}
    return bool(bases & names) and not names & set(stems)
