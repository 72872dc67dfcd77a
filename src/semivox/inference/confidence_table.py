"""What is to be expected of labels without a reference: ``confidence.csv`` beside them, a line per case and class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.csv_files import write_csv
from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.data.origins import FOLDER, Origin
from semivox.inference.confidence import FILE, Calibration, PredictedDice
from semivox.inference.predictor import Prediction

TABLE = "confidence.csv"
COLUMNS = (
    *("case", "class", "dice_to_expect", "nine_in_ten_from", "nine_in_ten_to", "uncalibrated_dice"),
    *("look_at_it", "why"),
)
SHOWN = 5
"""Scans named in a sentence."""
DOUBTFUL = 0.5
"""Expected Dice below which a class is looked at where nothing is calibrated."""


@dataclass(frozen=True)
class Confidence:
    """One class of one labeled scan."""

    case: str
    class_name: str
    expected: float | None
    """As the model's own probabilities have it; None where the class is predicted nowhere."""
    predicted: PredictedDice | None
    """Calibrated; None where no held-out scan says what the estimate is worth."""
    why: tuple[str, ...]
    """Why somebody should look at it; empty where nothing is odd."""


def expected_by_class(prediction: Prediction, plan: Plan) -> dict[str, float | None]:
    """Foreground class -> expected Dice of a prediction."""
    found = zip(plan.classes[1:], prediction.expected_dice[1:], strict=True)
    return {info.name: value if value is None else round(value, 5) for info, value in found}


def calibration_of(model: Path) -> Calibration | None:
    """What estimates of a run or model folder are worth; None where no held-out scan told. Raises InputError."""
    for folder in (model, model / "model"):
        if (folder / FILE).is_file():
            return Calibration.load(folder / FILE)
    return None


def confidences(records: Sequence[Origin], known: Calibration | None) -> list[Confidence]:
    """A line per case and class, in the order of the records."""
    return [line for record in records for line in _lines(record, known)]


def write_confidence(out: Path, model: Path) -> list[Confidence]:
    """Write the table for all labels in ``out`` that were made by this model and have a record; returns its lines."""
    records = []
    for path in sorted((out / FOLDER).glob("*.json")):
        try:
            record = Origin.load(path)
        except InputError:  # of a label that somebody else vouches for
            continue
        if record.expected_dice and any((out / name).is_file() for name in record.files):
            records.append(record)
    lines = confidences(records, calibration_of(model))
    write_csv(out / TABLE, COLUMNS, (_cells(line) for line in lines))
    return lines


def told(lines: Sequence[Confidence], out: Path, known: Calibration | None) -> Iterator[str]:
    """The table in sentences: what to look at, and what the numbers are worth."""
    if not lines:
        return
    doubted = {line.case: line.why[0] for line in lines if line.why}
    if doubted:
        shown = "; ".join(f"{case} ({why})" for case, why in list(doubted.items())[:SHOWN])
        more = f"; and {len(doubted) - SHOWN} more" if len(doubted) > SHOWN else ""
        yield f"Look at {len(doubted)} of {len({line.case for line in lines})} scans: {shown}{more}."
    if known is None:
        yield f"What Dice to expect is in {out / TABLE}, uncalibrated: no scan that the model had not seen was scored."
    else:
        yield f"What Dice to expect is in {out / TABLE}. {known.text()}"


def _lines(record: Origin, known: Calibration | None) -> Iterator[Confidence]:
    for name, expected in record.expected_dice.items():
        predicted = None if expected is None or known is None else known.predicted(name, expected)
        yield Confidence(record.case, name, expected, predicted, (*record.unlike, *_doubts(name, expected, known)))


def _doubts(name: str, expected: float | None, known: Calibration | None) -> Iterator[str]:
    measured = None if known is None else known.classes.get(name)
    if expected is None:
        yield "not found"
    elif measured is None and expected < DOUBTFUL:
        yield f"the model is unsure of it (expected Dice {expected:.2f})"
    elif measured is not None and expected < min(measured.estimates):
        yield "the model is less sure of it than of any scan that it was measured on"


def _cells(line: Confidence) -> tuple[str | float | None, ...]:
    known = line.predicted
    numbers = (None, None, None) if known is None else (known.dice, known.lower, known.upper)
    rounded = (None if number is None else round(number, 4) for number in (*numbers, line.expected))
    return (line.case, line.class_name, *rounded, "yes" if line.why else "", "; ".join(line.why))
