"""What a bad input is, and the list of them all, which ``every.py`` fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bad:
    """One way to break a data set, and the finding it must get; level ``refused``: no data set at all;
    ``option``: making it must itself be refused."""

    name: str
    level: str
    code: str
    """Of the finding; for ``refused`` and ``option``, words of the message."""
    make: Callable[[Path], None]


BAD: list[Bad] = []


def bad(code: str, level: str = "error") -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register a way to break the data set in a folder."""

    def register(make: Callable[[Path], None]) -> Callable[[Path], None]:
        BAD.append(Bad(make.__name__, level, code, make))
        return make

    return register


def add(name: str, code: str, level: str, make: Callable[[Path], object]) -> None:
    BAD.append(Bad(name, level, code, make))  # type: ignore[arg-type]
