"""Score tables: folder against folder, one row for each case and class, as CSV for people and JSON for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from pydantic import ConfigDict, ValidationError

from semivox.core.csv_files import unescape, write_csv
from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.files import make_folder
from semivox.core.frozen import Frozen
from semivox.core.plan import ClassInfo
from semivox.core.processes.pool import each
from semivox.core.reading import text_of
from semivox.evaluation.aggregation import EACH_ITS_OWN, Units
from semivox.evaluation.made_from import MadeFrom
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.pairs import Pair, find_pairs, label_values, load_pair
from semivox.evaluation.score import Row, Score, score_classes
from semivox.evaluation.summary import ScoreSummary, summarize

COLUMNS = ("case", "class", *METRICS, "empty", "prediction_ml", "reference_ml", "diagonal_mm")
"""The columns of scores.csv. A score that is not defined is an empty cell."""


NO_ORIGINS: Mapping[str, MadeFrom] = MappingProxyType({})
NOTHING_SAID: Mapping[str, Collection[int]] = MappingProxyType({})


class ScoreFile(Frozen):
    """The content of scores.json: what the table says in short, and the table."""

    called = "file of scores"
    model_config = ConfigDict(serialize_by_alias=True)

    summary: ScoreSummary
    rows: tuple[Row, ...]
    made_from: Mapping[str, MadeFrom] = {}
    """Case -> digests of prediction, reference, scan and model; empty in files of early versions."""


@dataclass(frozen=True)
class _Scored:
    """One case: its scores by label value, and which values each label map holds."""

    case: str
    scores: dict[int, Score]
    predicted: set[int]
    referred: set[int]
    diagonal_mm: float


def evaluate_folders(
    reference: Path,
    prediction: Path,
    classes: Sequence[ClassInfo] | None = None,
    ignore: int | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    sought: Mapping[str, Collection[int]] = NOTHING_SAID,
) -> list[Row]:
    """Score a folder of predictions against a folder of references: one row per case and class.

    ``classes``: what to score (value 0 and a class named "background" are left out); None: every non-zero value that
    some reference holds. Voxels at which a reference holds ``ignore`` are left out of both. ``workers``: further
    processes that share the work, 0 for none; they change nothing in the result. ``progress(done, total)`` is called
    after each case. ``sought``: case -> the values that were looked for in its reference, where these are not all; the
    case has no row of the others, which may be there and were not drawn.
    Raises InputError naming the file: no prediction for a reference, another grid, no label, other label values.
    """
    pairs = find_pairs(reference, prediction)
    wanted = None if classes is None else _foreground(classes)
    values = None if wanted is None else [info.value for info in wanted]
    task = partial(_score_pair, classes=classes, values=values, ignore=ignore)
    done: dict[int, _Scored] = {}
    for index, result in each(task, pairs, workers, _described):
        done[index] = result
        if progress is not None:
            progress(len(done), len(pairs))
    scored = [done[index] for index in sorted(done)]
    if wanted is None:
        referred = set().union(*(_asked(result, sought) for result in scored)) - {0, ignore}
        wanted = [ClassInfo(name=str(value), value=value) for value in sorted(referred)]
    if not wanted:
        raise InputError(f"the references in {reference} hold no class: every voxel is 0 or ignored")
    _check_values(scored, wanted, prediction)
    absent = Score(empty="both", prediction_ml=0.0, reference_ml=0.0)
    return [
        Row(
            case=result.case,
            class_name=info.name,
            diagonal_mm=result.diagonal_mm,
            **result.scores.get(info.value, absent).model_dump(),
        )
        for result in scored
        for info in wanted
        if result.case not in sought or info.value in sought[result.case]
    ]


def write_scores(
    folder: Path,
    rows: Sequence[Row],
    units: Units = EACH_ITS_OWN,
    origins: Mapping[str, MadeFrom] = NO_ORIGINS,
) -> None:
    """Write ``scores.csv`` (the rows) and ``scores.json`` (rows, summary and origins) into a folder.

    ``units``: in the summary, cases of one patient or scan count as one. ``origins``: what each case's scores are from.
    """
    make_folder(folder)
    write_rows(folder / "scores.csv", rows)
    summary = summarize(rows, units=units)
    ScoreFile(summary=summary, rows=tuple(rows), made_from=origins).save(folder / "scores.json")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV, replacing the file in one step; numbers are written in full."""
    write_csv(path, COLUMNS, ([cells[column] for column in COLUMNS] for cells in (row.model_dump() for row in rows)))


def read_rows(path: Path) -> list[Row]:
    """Read rows from CSV as ``write_rows`` wrote them. Raises InputError naming the file, the line and the column."""
    try:
        text = io.StringIO(text_of(path), newline="")
        table = csv.DictReader(text, restkey="(beyond the last column)", restval="")
        return [_row(cells, f"{path}, line {line}") for line, cells in enumerate(table, start=2)]
    except csv.Error as error:
        raise InputError(f"{path} is not a table of scores as CSV in UTF-8: {error}") from error


def read_scores(path: Path) -> list[Row]:
    """The rows of ``scores.csv``, of ``scores.json``, or of the folder that holds the former."""
    if path.is_dir():
        path = path / "scores.csv"
    return list(ScoreFile.load(path).rows) if path.suffix == ".json" else read_rows(path)


def _foreground(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """The classes to score: a plan's list begins with the background."""
    wanted = [info for info in classes if info.value != 0 and info.name.lower() != "background"]
    if not wanted:
        raise InputError("there is no class to score besides the background")
    return wanted


def _score_pair(
    pair: Pair, classes: Sequence[ClassInfo] | None, values: Sequence[int] | None, ignore: int | None
) -> _Scored:
    """Read and score one case; ``values`` None: score every value that either label map holds."""
    loaded = load_pair(pair, classes)
    predicted = label_values(loaded.prediction, pair.prediction)
    referred = label_values(loaded.reference, pair.reference)
    wanted = sorted((predicted | referred) - {0, ignore}) if values is None else list(values)
    try:
        scores = score_classes(loaded.prediction, loaded.reference, loaded.spacing, wanted, ignore)
    except InputError as error:
        raise InputError(f"{pair.prediction}: {error}") from error
    return _Scored(pair.case, dict(zip(wanted, scores, strict=True)), predicted, referred, loaded.diagonal_mm)


def _asked(result: _Scored, sought: Mapping[str, Collection[int]]) -> set[int]:
    """The values of a reference that count: those that were looked for."""
    return result.referred & set(sought[result.case]) if result.case in sought else result.referred


def _described(pair: Pair) -> str:
    return f"case {pair.case!r} ({pair.prediction})"


def _check_values(scored: list[_Scored], wanted: list[ClassInfo], folder: Path) -> None:
    """Raise InputError if no predicted value means anything to the references: 1 for one, 255 for the other, say."""
    predicted: set[int] = set().union(*(result.predicted for result in scored)) - {0}
    known = {info.value for info in wanted}.union(*(result.referred for result in scored))
    if predicted and not predicted & known:
        raise InputError(
            f"the predictions in {folder} hold the label values {sorted(predicted)}, none of which is a class of the "
            f"references, {sorted(known - {0})}; bring both to the same values"
        )


def _row(cells: Mapping[str, str | list[str]], place: str) -> Row:
    """One line of a table. Raises InputError naming the line and the column."""
    values = {name: unescape(cell) if isinstance(cell, str) else str(cell) for name, cell in cells.items()}
    try:
        return Row.model_validate({name: value or None for name, value in values.items()})
    except ValidationError as error:
        raise InputError(f"{place} is not a row of scores:\n{explain(error)}") from error
