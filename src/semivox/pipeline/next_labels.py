"""What a further round trains on, of a job or a single training: all labels that came since, test scans untouched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.spelling import suggestion
from semivox.core.split import Split
from semivox.data.dataset import Dataset, groups_of, some

FOLDER = "rounds"
"""Of a finished job or run: a folder for each further round, by its number."""
RECORD = "round.json"
"""How a round began; written last, so that a folder with one is whole."""
Beginning = Literal["warm", "scratch"]
BEGINNINGS: Mapping[str, Beginning] = {"warm": "warm", "scratch": "scratch"}


def beginning(begin: str) -> Beginning:
    """The word as one of two. Raises InputError for one that names no way to begin a round."""
    if begin not in BEGINNINGS:
        raise InputError(f"--begin {begin!r} is neither warm nor scratch{suggestion(begin, BEGINNINGS)}")
    return BEGINNINGS[begin]


def new_scans(dataset: Dataset, before: Split, exclude: Collection[str] = ()) -> tuple[str, ...]:
    """Scans that the split does not know, in the data set's order; those of patients that are scored stay out."""
    known = {name for part in before.model_dump().values() for name in part} | set(exclude)
    groups = groups_of(dataset.entries)  # a scan of no group is one of its own: no group's name begins with \\0
    scored = {groups.get(name) or f"\\0{name}" for name in (*before.test, *before.validation)}
    free = (e for e in dataset.entries if e.images and e.name not in known and e.part in (None, "training"))
    return tuple(e.name for e in free if (e.group or f"\\0{e.name}") not in scored)


def require_kept(before: Split, labeled: Collection[str], called: str) -> None:
    """Raise InputError where a label is gone that was trained on. ``called``: what trained on it."""
    if lost := [name for name in before.labeled if name not in labeled]:
        raise InputError(f"the label of {some(lost)} is gone, with which the {called} was trained; restore it")


def with_labels(before: Split, added: Collection[str], fresh: Collection[str]) -> Split:
    """The split of the round before, with new scans, and new labels among the labeled scans."""
    return Split(
        labeled=tuple(sorted({*before.labeled, *added})),
        unlabeled=tuple(sorted({*before.unlabeled, *fresh} - {*added})),
        validation=before.validation,
        test=before.test,
    )
