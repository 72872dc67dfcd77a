"""Which folder was meant, where the one that was given holds no data set: one above it, or one within it.

Only names are looked at, and each folder's own entries, so that it costs nothing to ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from semivox.data.layouts.roles import holds_data, roles

MOST = 100
"""Folders within the given one that are looked into."""


def meant_instead(given: Path) -> Path | None:
    """The data set that a given path lies in, or that lies in it; None where there is none, or several."""
    folder = given if given.is_dir() else given.parent
    for above in (folder, folder.parent):
        if above not in (given, Path()) and _has_inside(above, given):
            return above
    within = [inner for inner in _folders(given)[:MOST] if holds_data(inner)]
    return within[0] if len(within) == 1 else None


def _has_inside(above: Path, given: Path) -> bool:
    """Whether a path is one of the folders of a data set, or lies in one."""
    return holds_data(above) and any(given.is_relative_to(folder) for folder in roles(above).values())


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found: Iterable[Path] = sorted(folder.iterdir())
    return [path for path in found if path.is_dir()]
