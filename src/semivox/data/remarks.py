"""Something odd that reading told and that prevents nothing: in a header, or in the names and places of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Remark:
    """A short code, the words, and what to do."""

    code: str
    message: str
    fix: str
    level: Literal["error", "warning", "note"] = "warning"
    """``note``: handled, for information."""
