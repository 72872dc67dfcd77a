"""A table of cases: ``case_id,image[,image_2...],label,split,group``. What is said explicitly wins over folders."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import distinct

IMAGE = re.compile(r"^image(?:_(\d+))?$")
PARTS = {
    "": None, "train": "training", "training": "training", "labeled": "training", "unlabeled": "training",
    "val": "validation", "validation": "validation", "test": "test",
}  # fmt: skip
"""Word in the column ``split`` -> what the case is for."""
KNOWN = ("case_id", "label", "split", "group")


def matches(root: Path) -> bool:
    """Whether the path is a CSV table, or a folder with exactly one table that has the columns of cases."""
    return root.suffix.lower() == ".csv" or len(_tables(root)) == 1


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError naming the row that is wrong."""
    path = root if root.suffix.lower() == ".csv" else _tables(root)[0]
    rows, columns = _rows(path)
    images = sorted((name for name in columns if IMAGE.match(name)), key=_number)
    if "case_id" not in columns or not images:
        raise InputError(f"{path} has the columns {columns}; right are case_id,image[,image_2...],label,split,group")
    skipped = [f"column {name}: not used" for name in columns if name not in KNOWN and name not in images]
    entries = []
    for number, row in enumerate(rows, start=2):
        entry = _entry(path, number, row, images)
        if row.get("split", "").lower() == "unlabeled" and row.get("label"):
            skipped.append(f"label of {entry.name}: the table says it is unlabeled, so its label stays closed")
        entries.append(entry)
    described = layout_description.describe(path.parent, layout_description.load(path.parent))
    return Dataset(
        root, "CSV", distinct(entries), described.channels, described.classes, described.ignore, tuple(skipped)
    )


def _tables(root: Path) -> list[Path]:
    """The CSV files of a folder whose header names cases and images."""
    if not root.is_dir():
        return []
    found = []
    for path in sorted(root.glob("*.csv")):
        if not path.name.startswith("."):
            columns = _rows(path)[1]
            if "case_id" in columns and "image" in columns:
                found.append(path)
    return found


def _rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Rows and column names, stripped; comma, semicolon or tab. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; it must be a UTF-8 table with commas") from error
    lines = text.splitlines()
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=header.count))
    columns = [name.strip().lower() for name in reader.fieldnames or []]
    reader.fieldnames = columns
    rows = [{key: (value or "").strip() for key, value in row.items() if isinstance(key, str)} for row in reader]
    return rows, columns


def _number(column: str) -> int:
    match = IMAGE.match(column)
    return int(match[1] or 1) if match else 0


def _entry(path: Path, number: int, row: dict[str, str], images: list[str]) -> CaseFiles:
    """One row as a case."""
    word = row.get("split", "").lower()
    if word not in PARTS:
        raise InputError(f"{path}, row {number}: the split {word!r} is none of {', '.join(filter(None, PARTS))}")
    if not row["case_id"] or not row[images[0]]:
        raise InputError(f"{path}, row {number}: case_id and image must not be empty")
    label = row.get("label")
    return CaseFiles(
        row["case_id"],
        tuple(path.parent / row[name] for name in images if row[name]),
        path.parent / label if label and word != "unlabeled" else None,
        PARTS[word],
        row.get("group") or None,
    )
