"""The cases of a data folder, by name and file; nothing of them opened yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.data.remarks import Remark


@dataclass(frozen=True)
class CaseFiles:
    """One case on disk, nothing of it opened yet."""

    name: str
    images: tuple[Path, ...]
    """One file per channel; empty if only a label was found."""
    label: Path | None
    part: str | None = None
    """``training``, ``validation``, ``test``, or None: not said."""
    group: str | None = None
    """The patient, where several cases may be of one."""
    annotated: tuple[str, ...] | None = None
    """Classes that were looked for in its label; None: all. The others are unlabeled there, not background."""


@dataclass(frozen=True)
class Dataset:
    """All cases of a data folder, sorted by name, and what its description says about them."""

    root: Path
    layout: str
    entries: tuple[CaseFiles, ...]
    channels: tuple[str, ...] | None = None
    classes: tuple[ClassInfo, ...] | None = None
    """Background first; None: no description names them."""
    ignore: int | None = None
    """The label value that means "not annotated here"."""
    skipped: tuple[str, ...] = ()
    """Files passed over, each with the reason."""
    remarks: tuple[Remark, ...] = ()
    """What else the layout has to say."""
    order: tuple[str, ...] = ()
    """The cases in the order of the data set's own lists, where these have one that counts; empty: by name."""

    def entry(self, name: str) -> CaseFiles:
        """The case of that name. Raises InputError."""
        found = next((entry for entry in self.entries if entry.name == name), None)
        if found is None:
            raise InputError(f"there is no case {name!r} in {self.root}; it has {some(e.name for e in self.entries)}")
        return found


def groups_of(entries: Iterable[CaseFiles]) -> dict[str, str]:
    """Case -> the patient (or scan) it is of, for cases of which that is said."""
    return {entry.name: entry.group for entry in entries if entry.group}


def annotated_of(entries: Iterable[CaseFiles]) -> dict[str, tuple[str, ...]]:
    """Case -> the classes that were looked for, for cases of which these are not all."""
    return {entry.name: entry.annotated for entry in entries if entry.annotated is not None}


def some(names: Iterable[str], limit: int = 8) -> str:
    """The first few names of many, as text."""
    listed = list(names)
    return ", ".join(listed[:limit]) + (f", ... ({len(listed)} in all)" if len(listed) > limit else "")
