"""The scored cases of a job as its page lists them: scores of both models, volumes, findings, and what is odd."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.reading import text_of
from semivox.data.origins import FOLDER as RECORDS
from semivox.data.origins import Origin
from semivox.evaluation.aggregation import case_means
from semivox.evaluation.score import Row
from semivox.experiments.groups import Group
from semivox.inference.jobs import safe_name
from semivox.methods.titles import shown

UNFIT = 0.1
"""Mean Dice of a case below which it is marked."""


@dataclass(frozen=True)
class CaseLine:
    """One scored case."""

    name: str
    twin: float | None
    """Mean Dice of the classes by the model without unlabeled scans; None where undefined."""
    method: float | None
    hd95: float | None
    """HD95 in mm of the method, missed and invented objects counted with the scan's diagonal."""
    reference_ml: float
    twin_ml: float | None
    method_ml: float
    uncertainty: float | None = None
    """1 minus the mean Dice of the classes that the method's own probabilities expect; None where it is not known."""
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    png: bytes | None = None
    columns: tuple[str, ...] = ()
    """Of the picture, from left to right: the labels."""
    maps: tuple[str, ...] = ()
    """Behind them in the picture."""
    scene: int | None = None
    """Number of its scene in the viewer; None where the page holds no volume of it."""
    picture_file: str = ""
    """Beside the page, where the page has no room for the picture."""
    volume_file: str = ""
    """The same of its volumes, which the page opens when a reader chooses the file."""
    sought: tuple[str, ...] = ()
    """The classes that were looked for in its reference, where these are not all: those that are scored and shown."""

    @property
    def difference(self) -> float | None:
        """Method minus twin."""
        return None if self.twin is None or self.method is None else self.method - self.twin


def case_lines(twin: Group, method: Group, findings: Mapping[str, tuple[str, ...]]) -> Iterator[CaseLine]:
    """Scores and volumes of every case that the method was scored on."""
    rows = {arm: _by_case(group) for arm, group in (("twin", twin), ("method", method))}
    dice = {arm: _means(own, "dice") for arm, own in rows.items()}
    distance = _means(rows["method"], "hd95_mm")
    for case, own in rows["method"].items():
        others = rows["twin"].get(case)
        yield CaseLine(
            case,
            dice["twin"].get(case),
            dice["method"].get(case),
            distance.get(case),
            sum(row.reference_ml for row in own),
            sum(row.prediction_ml for row in others) if others else None,
            sum(row.prediction_ml for row in own),
            _uncertainty(method, case),
            findings.get(case, ()),
            tuple(_warned(own, method.arm.method)) + tuple(_warned(others or [], twin.arm.method)),
        )


def _uncertainty(group: Group, case: str) -> float | None:
    """From the record beside the label of a case; a class that was found nowhere has nothing to expect."""
    run = next(iter(group.runs.values()))
    try:
        record = Origin.load(run.folder_of(case) / "predictions" / RECORDS / f"{safe_name(case)}.json")
    except InputError:  # moved away, or of a version that kept none
        return None
    expected = record.expected_dice.values()
    return 1 - sum(dice or 0.0 for dice in expected) / len(expected) if expected else None


def _by_case(group: Group) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in next(iter(group.runs.values())).rows:
        found.setdefault(row.case, []).append(row)
    return found


def _means(rows: Mapping[str, list[Row]], score: str) -> Mapping[str, float]:
    return case_means([row for own in rows.values() for row in own], score)


def _warned(rows: list[Row], arm: str) -> Iterator[str]:
    """What is wrong with the segmentation of a case: a sentence for each kind, with the classes."""
    found: dict[str, list[str]] = {"missed": [], "invented": [], "hardly found": []}
    for row in rows:
        if row.empty == "prediction":
            found["missed"].append(row.class_name)
        elif row.empty == "reference":
            found["invented"].append(row.class_name)
        elif row.dice is not None and row.dice < UNFIT:
            found["hardly found"].append(f"{row.class_name} {row.dice:.3f}")
    for kind, classes in found.items():
        if classes:
            yield f"{shown(arm)}, {kind}{' (Dice)' if kind == 'hardly found' else ''}: {', '.join(classes)}"


def findings_of(out: Path) -> Mapping[str, tuple[str, ...]]:
    """Case -> what the check said of it, notes left out."""
    try:
        cases = json.loads(text_of(out / "check.json"))["cases"]
        return {
            case["case"]: tuple(found["message"] for found in case["findings"] if found["level"] != "note")
            for case in cases
        }
    except (InputError, ValueError, KeyError, TypeError, RecursionError):  # jobs of older versions have none
        return {}
