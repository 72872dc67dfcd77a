"""Where the labels of a data set come from: ``label_origins.json`` in its folder, written by ``semivox adopt``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from semivox.core.frozen import Frozen
from semivox.data.dataset import Dataset
from semivox.experiments.record import Record

FILE = "label_origins.json"
Origin = Literal["expert", "corrected", "pseudo"]
ORIGINS: Mapping[str, Origin] = {name: name for name in get_args(Origin)}


class LabelOrigin(Frozen):
    """Where one label comes from."""

    origin: Origin
    """``expert``: drawn without a proposal; ``corrected``: a proposal that somebody changed or confirmed; ``pseudo``: a
    model's, seen by nobody."""
    digest: str
    """SHA-256 of the label file: one that was changed since has another."""
    dice_to_proposal: float | None = None
    """Over all structures together; None without a proposal."""
    changed_voxels: int | None = None
    boxes_only: bool = False
    """Parts of it are not annotated (the ignore value)."""


class LabelOrigins(Frozen):
    """The labels that were adopted, by case."""

    version: Literal[1] = 1
    labels: Mapping[str, LabelOrigin] = {}


def origins_of(data: Path) -> Mapping[str, LabelOrigin]:
    """Case -> where its label comes from, for those that were adopted. Raises InputError for a damaged file."""
    path = place(data)
    return LabelOrigins.load(path).labels if path.is_file() else {}


def remember(data: Path, added: Mapping[str, LabelOrigin]) -> None:
    """Add labels, or replace what is known of them."""
    LabelOrigins(labels={**origins_of(data), **added}).save(place(data))


def place(data: Path) -> Path:
    """The file of a data folder, or of a table."""
    return (data if data.is_dir() else data.parent) / FILE


def newly_labeled(dataset: Dataset, unlabeled: Iterable[str], record: Record) -> dict[str, str]:
    """Cases that were unlabeled in a job and have a label now -> where it comes from.

    A label that was there when the job began and was kept from it stays hidden, unless it was adopted since.
    """
    adopted, files = origins_of(dataset.root), {entry.name: entry.label for entry in dataset.entries}
    hidden = None if record.labels is None else set(record.labels)
    found = {}
    for name in unlabeled:
        if name in adopted and files.get(name) is not None:
            found[name] = str(adopted[name].origin)
        elif files.get(name) is not None and hidden is not None and name not in hidden:
            found[name] = "unknown"
    return found
