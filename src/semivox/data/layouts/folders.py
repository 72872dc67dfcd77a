"""Two folders: ``images/`` and ``labels/``, matched by name; an image without a label is unlabeled."""

from __future__ import annotations

from pathlib import Path

from semivox.data.dataset import Dataset
from semivox.data.formats.volume import stem
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import CHANNEL, by_case, by_channel, distinct, pair, scans, untagged

PARTS = {"": "training", "validation_": "validation", "test_": "test"}
"""Prefix of a pair of folders -> what its cases are for."""


def matches(root: Path) -> bool:
    """Whether there is a folder ``images``."""
    return (root / "images").is_dir()


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError for a name that two files claim."""
    skipped: list[str] = []
    labels = {prefix: scans(root / f"{prefix}labels", skipped) for prefix in PARTS}
    images = {prefix: scans(root / f"{prefix}images", skipped) for prefix in PARTS}
    numbered = _channels_are_numbered(images[""], labels[""])

    def cases(paths: list[Path]) -> dict[str, tuple[Path, ...]]:
        return by_channel(paths) if numbered else {name: (path,) for name, path in by_case(paths).items()}

    entries = pair(cases(scans(root / "unlabeled", skipped)), {}, "training")
    for prefix, part in PARTS.items():
        entries += pair(cases(images[prefix]), by_case(labels[prefix]), part)
    described = layout_description.describe(root, layout_description.load(root))
    return Dataset(
        root,
        "two folders",
        distinct(entries),
        described.channels,
        described.classes,
        described.ignore,
        tuple(skipped),
    )


def _channels_are_numbered(images: list[Path], labels: list[Path]) -> bool:
    """Whether ``_0000`` at the end counts channels: only if the labels' names lack it (else it numbers the cases)."""
    names = {untagged(path) for path in labels}
    stems = [stem(path) for path in images]
    bases = {match["case"] for name in stems if (match := CHANNEL.match(name))}
    return bool(bases & names) and not names & set(stems)
