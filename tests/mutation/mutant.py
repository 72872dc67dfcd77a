"""What a broken promise is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A text of a file replaced by another, and tests of which one must fail then."""

    name: str
    file: str
    """Beneath src/semivox."""
    old: str
    new: str
    tests: tuple[str, ...]
