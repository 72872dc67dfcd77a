"""What a run writes as it goes: rows of JSON, one a line, that people and reports read. Nothing is decided by them.

They are not flushed to disk, so a power cut may take the last ones, and a damaged file must not stop a training: lines
that are no rows are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from semivox.core.errors import InputError
from semivox.core.files import write_text, writing
from semivox.core.reading import content_of

Row: TypeAlias = dict[str, Any]
NUMBERS = ("total", "rate", "norm", "seconds", "dice", "hd95_mm")
"""Fields that are numbers, or null for one that was not finite."""


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row. Raises SemivoxError where it cannot be written."""
    with writing(path), path.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")


def rows(path: Path) -> list[Row]:
    """All rows that are whole; none where there is no such file."""
    try:
        lines = content_of(path).decode("utf-8", errors="replace").split("\n")
    except InputError:
        return []
    return [row for line in lines if (row := _row(line)) is not None]


def keep_only(path: Path, wanted: Callable[[Row], bool]) -> None:
    """Leave the wanted rows in the file. Raises SemivoxError where it cannot be written."""
    if path.exists():
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows(path) if wanted(row)))


def _row(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if _sound(row) else None


def _sound(row: Any) -> bool:
    """Whether this is what ``RunFolder.log`` or ``RunFolder.warn`` wrote."""
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return False
    if "text" in row:
        return isinstance(row["text"], str) and isinstance(row.get("code"), str)
    if not isinstance(row.get("player"), str) or not all(_number(row.get(name)) for name in NUMBERS):
        return False
    if "terms" not in row:
        return True
    figures = (row["terms"], row.get("weights"), row.get("log"))
    return "norm" in row and all(isinstance(part, dict) and all(map(_number, part.values())) for part in figures)


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) < 1e308)
