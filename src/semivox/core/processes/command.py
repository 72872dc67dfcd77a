"""The command that a person typed, for records: also in the processes that it started, which have other words.

Records and pages are handed on, and where somebody's scans lie is nobody else's business: of a path from the root of
the file system only the part below the folder one stood in is kept, else its last name; all other words stay.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path, PurePosixPath, PureWindowsPath

TYPED: ContextVar[str] = ContextVar("typed", default="")
ABSOLUTE = re.compile(r"(?:(?<=^)|(?<=[=,]))(?:~?/|[A-Za-z]:[\\/]|\\\\).*")
"""A path from the root, or from a home folder: a word of its own, or behind ``--out=`` and ``train.start=``."""
ELSEWHERE = ".../"
"""Stands for the folders of a path that are not kept."""


def remember(words: Sequence[str]) -> None:
    """``semivox`` was called with these words."""
    TYPED.set(shlex.join(["semivox", *map(without_folders, words)]))


def told(command: str) -> None:
    """This process works for that command, as the record of its job or study says."""
    if command and not TYPED.get():
        TYPED.set(command)


def typed() -> str:
    """What was typed, quoted as a shell reads it; of a script that calls the functions, how it was started."""
    return TYPED.get() or shlex.join(["python", *map(without_folders, sys.argv)])


def without_folders(word: str) -> str:
    """``/home/anna/scans`` -> ``scans`` in ``/home/anna``, else ``.../scans``; also behind ``--out=``."""
    return ABSOLUTE.sub(lambda found: _told(found.group()), word)


def _told(path: str) -> str:
    """The way from the folder one stands in, where it leads on from there; else the last name."""
    with suppress(ValueError, OSError):
        return Path(path).relative_to(Path.cwd()).as_posix()
    kind = PurePosixPath if path.startswith(("/", "~")) else PureWindowsPath
    return ELSEWHERE + kind(path).name
