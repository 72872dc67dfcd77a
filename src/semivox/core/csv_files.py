"""Tables as CSV files that any spreadsheet may open: numbers in full, and no name that it would run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from semivox.core.files import write_atomically

Cell: TypeAlias = "str | float | int | None"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""Spreadsheets run a cell that starts so as a formula; names that do are written behind an apostrophe."""


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Iterable[Cell]]) -> None:
    """Write a table, replacing the file in one step. Raises SemivoxError naming a file that cannot be written."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerow(columns)
            table.writerows([escape(cell) for cell in row] for row in rows)

    write_atomically(path, write)


def escape(cell: Cell) -> str:
    """One cell: numbers in full, None empty, and names that a spreadsheet would run as formulas defused."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return repr(float(cell)) if isinstance(cell, float) else str(cell)
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell


def unescape(cell: str) -> str:
    """The inverse of ``shown`` for names."""
    return cell.removeprefix("'")
