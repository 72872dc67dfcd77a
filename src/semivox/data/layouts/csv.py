"""A table of cases: ``case_id,image[,image_2...],label,split,group``. What is said explicitly wins over folders."""

from __future__ import annotations

import csv
import difflib
import re
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.reading import lines_of, text_of
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.layouts import description as layout_description
from semivox.data.layouts.names import distinct
from semivox.data.layouts.paths import Paths
from semivox.data.layouts.tags import composed

ENDINGS = (".csv", ".tsv")
IMAGE = re.compile(r"^image(?:_(\d+))?$")
PARTS = {
    "": None, "train": "training", "training": "training", "labeled": "training", "unlabeled": "training",
    "unlabelled": "training", "labelled": "training",
    "val": "validation", "validation": "validation", "test": "test", "testing": "test",
}  # fmt: skip
"""Word in the column ``split`` -> what the case is for."""
KNOWN = ("case_id", "image", "label", "split", "group", "annotated")
RIGHT = "case_id,image[,image_2...],label,split,group,annotated"
MEANT = {
    "case_id": ("case", "id", "name", "caseid", "scan_id", "scanid", "identifier", "key", "cases"),
    "image": ("img", "scan", "path", "file", "filename", "filepath", "volume", "ct", "mr", "mri", "input", "nifti"),
    "label": ("mask", "seg", "segmentation", "annotation", "lbl", "gt", "ground_truth", "groundtruth", "target", "roi"),
    "split": ("set", "part", "subset", "partition", "usage", "purpose"),
    "group": ("patient", "subject", "subject_id", "patient_id", "patientid", "subjectid", "person"),
}
"""Right name -> names by which people call the same column."""
MOST_COLUMNS = 1000
NEAR = 0.7
"""Similarity of two names (difflib) from which one is taken for a slip of the other, if that is missing."""
SLIP = 0.85
"""The same where the right column is there too."""


def matches(root: Path) -> bool:
    """Whether the path is a table, or a folder with a table that is meant to list cases."""
    return root.suffix.lower() in ENDINGS or bool(_tables(root))


def find(root: Path) -> Dataset:
    """List the cases. Raises InputError naming the column or row that is wrong."""
    path = root if root.suffix.lower() in ENDINGS else _tables(root)[0]
    if len(tables := _tables(root)) > 1:
        raise InputError(f"{root} holds {len(tables)} tables of cases, {tables[0].name} and {tables[1].name}; give one")
    rows, columns = _rows(path)
    images = sorted((name for name in columns if IMAGE.match(name)), key=_number)
    skipped = [f"column {name}: not used" for name in _unused(path, columns)]
    paths, entries = Paths(path.parent, path.name), []
    for number, row in enumerate(rows, start=2):
        if not any(row.values()):
            continue
        entry = _entry(path, paths, number, row, images)
        if row.get("split", "").lower() in ("unlabeled", "unlabelled") and row.get("label"):
            skipped.append(f"label of {entry.name}: the table says it is unlabeled, so its label stays closed")
        entries.append(entry)
    described = layout_description.describe(path.parent, layout_description.load(path.parent))
    return Dataset(
        root,
        "CSV",
        distinct(entries),
        described.channels,
        described.classes,
        described.ignore,
        tuple(skipped),
        paths.remarks(),
    )


def _unused(path: Path, columns: list[str]) -> list[str]:
    """Columns of other things. Raises InputError where a right one is missing, or one is a slip of a right one."""
    if doubled := sorted({name for name in columns if columns.count(name) > 1}):
        raise InputError(f"{path} has several columns {doubled[0]!r}; allowed are {RIGHT}")
    other = [name for name in columns if name not in KNOWN and not IMAGE.match(name)]
    present = {"image" if IMAGE.match(name) else name for name in columns}
    for name in other:
        meant = _meant(name)
        if meant is not None and (meant not in present or difflib.SequenceMatcher(None, name, meant).ratio() >= SLIP):
            raise InputError(f"{path} has a column {name!r}, did you mean {meant!r}? Allowed are {RIGHT}")
    for needed in ("case_id", "image"):
        if needed not in present:
            raise InputError(
                f"{path} has no column {needed!r}; it has {', '.join(columns) or 'none'}; allowed are {RIGHT}"
            )
    return other


def _meant(name: str) -> str | None:
    """The right name of a column that is called otherwise; None for a column of something else."""
    plain = re.sub(r"[\s.-]+", "_", name)
    for right, others in MEANT.items():
        words = set(plain.split("_"))
        if plain.replace("_", "") in (right.replace("_", ""), f"{right}s", *others) or plain in others:
            return right
        if words & {"path", "file", "filename"} and words & {right, *others} - {"path", "file", "filename"}:
            return right
    near = difflib.get_close_matches(plain, KNOWN, n=1, cutoff=NEAR)
    return near[0] if near else None


def _tables(root: Path) -> list[Path]:
    """The tables of a folder that have, or are meant to have, names of cases and images."""
    if not root.is_dir():
        return []
    found = []
    for path in sorted(root.iterdir()):
        if path.suffix.lower() in ENDINGS and path.is_file() and not path.name.startswith("."):
            columns = _columns(path)
            meant = {"image" if IMAGE.match(name) else name if name in KNOWN else _meant(name) for name in columns}
            if {"case_id", "image"} <= meant or ({"case_id", "image"} & set(columns) and {"image", "label"} <= meant):
                found.append(path)
    return found


def _columns(path: Path) -> list[str]:
    """Names of columns, of a table in any encoding."""
    with path.open("rb") as file:
        header = file.readline(100_000).removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    delimiter = max(",;\t", key=header.count)
    return [name.strip().strip('"').lower() for name in header.split(delimiter, MOST_COLUMNS)]


def _rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Rows and column names, stripped; comma, semicolon or tab. Raises InputError."""
    try:
        text = text_of(path)
    except InputError as error:
        raise InputError(f"cannot read {path}: {error}; it must be a UTF-8 table with commas") from error
    lines = lines_of(text)
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=header.count))
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        if len(columns) > MOST_COLUMNS:
            raise InputError(f"{path} has {len(columns)} columns, which is no table of cases; allowed are {RIGHT}")
        raw = list(reader)
    except csv.Error as error:
        raise InputError(f"{path} is not a table: {error}; it must be a UTF-8 table with commas") from error
    rows = []
    for number, row in enumerate(raw, start=2):
        if row.get(None):  # what DictReader calls cells beyond the last column
            raise InputError(f"{path}, row {number}: more cells than columns; put a path with a comma into quotes")
        rows.append({key: (value or "").strip() for key, value in row.items()})
    return rows, columns


def _number(column: str) -> int:
    match = IMAGE.match(column)
    return int(match[1] or 1) if match else 0


def _entry(path: Path, paths: Paths, number: int, row: dict[str, str], images: list[str]) -> CaseFiles:
    """One row as a case."""
    word = row.get("split", "").lower()
    if word not in PARTS:
        raise InputError(f"{path}, row {number}: the split {word!r} is not one of {', '.join(filter(None, PARTS))}")
    if not row["case_id"] or not row[images[0]]:
        raise InputError(f"{path}, row {number}: case_id and image must not be empty")
    label = row.get("label")
    return CaseFiles(
        composed(row["case_id"]),
        tuple(paths.find(row[name]) for name in images if row[name]),
        paths.find(label) if label and word not in ("unlabeled", "unlabelled") else None,
        PARTS[word],
        row.get("group") or None,
        _annotated(row.get("annotated") or ""),
    )


def _annotated(text: str) -> tuple[str, ...] | None:
    """Classes that were looked for, with ``|`` between them; an empty cell: all."""
    return tuple(name.strip() for name in text.split("|")) if text else None
