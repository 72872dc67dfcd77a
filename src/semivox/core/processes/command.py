"""The command that a person typed, for records: also in the processes that it started, which have other words."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextvars import ContextVar

TYPED: ContextVar[str] = ContextVar("typed", default="")


def remember(words: Sequence[str]) -> None:
    """``semivox`` was called with these words."""
    TYPED.set(shlex.join(["semivox", *words]))


def told(command: str) -> None:
    """This process works for that command, as the record of its job or study says."""
    if command and not TYPED.get():
        TYPED.set(command)


def typed() -> str:
    """What was typed, quoted as a shell reads it; of a script that calls the functions, how it was started."""
    return TYPED.get() or shlex.join(["python", *sys.argv])
