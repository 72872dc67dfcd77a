"""What the functions are given: paths as text or ``pathlib.Path``, a split or its file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from semivox.core.split import Split

AnyPath = str | PathLike[str]


def given_split(split: Split | AnyPath | int | None) -> Split | Path | int | None:
    """A split as it is, a file's name as a path."""
    return Path(split) if isinstance(split, (str, PathLike)) else split
