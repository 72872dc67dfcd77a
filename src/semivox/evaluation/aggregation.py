"""What is averaged before anything is tested: classes of a case, cases of a patient or scan, seeds of a draw.

Patches of one scan, or scans of one patient, gain or lose together. Taken one by one they would let chance pass for a
finding, so tests, intervals, ranks and needed numbers count patients (or scans): the unit that was drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.score import Row

Units = Mapping[str, str]
"""Case -> the patient or scan that it is of, where several may be of one; a case that is not listed is its own unit."""
EACH_ITS_OWN: Units = {}
"""No two cases are of one patient or scan."""


@dataclass(frozen=True)
class Joint:
    """One score of several tables on the objects that all of them list."""

    cases: tuple[str, ...]
    values: np.ndarray
    """(tables, cases): the mean over a case's classes; no NaN."""
    left_out: int
    """Objects (case, class) that no table has a value of: reference and all predictions lack the class."""


def joint_values(tables: Sequence[Sequence[Row]], score: str) -> Joint:
    """Each table's value of each case, over the same classes in every table.

    Objects are valued as ``values_at`` says; what nobody shows is left out. Raises InputError for an unknown score or
    two rows of one place.
    """
    if score not in METRICS:
        raise InputError(f"{score!r} is not a score that can be compared; those are {', '.join(METRICS)}")
    placed = [by_place(rows) for rows in tables]
    per_case: dict[str, list[list[float]]] = {}
    left_out = 0
    for place in placed[0]:
        if not all(place in table for table in placed):
            continue
        values = values_at([table[place] for table in placed], score)
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            left_out += 1
        else:
            per_case.setdefault(place[0], []).append(known)
    means = [np.mean(listed, axis=0) for listed in per_case.values()]
    return Joint(tuple(per_case), np.array(means).reshape(-1, len(tables)).T, left_out)


def values_at(rows: Sequence[Row], score: str) -> list[float | None]:
    """What several predictions of one object (case, class) are worth; all None where reference and all lack it.

    A missed or invented object enters a distance with the scan's diagonal. Where the reference lacks the class and only
    some predictions show it, predicting nothing is perfect: 1 for overlaps, 0 for distances and volume errors.
    """
    if all(row.empty == "both" for row in rows):
        return [None] * len(rows)
    return [METRICS[score].perfect if row.empty == "both" else value_of(row, score) for row in rows]


def value_of(row: Row, score: str) -> float | None:
    """A row's value for a comparison: the diagonal for an undefined distance, and a volume error's size."""
    value: float | None = getattr(row, score)
    kind = METRICS[score].kind
    if value is None and kind == "distance" and row.empty != "both":
        return row.diagonal_mm
    return abs(value) if value is not None and kind == "error" else value


def case_means(rows: Sequence[Row], score: str) -> dict[str, float]:
    """Case -> value in one table alone, the mean over its classes that have one; undefined distances as above."""
    return means_of_classes(rows, lambda row: value_of(row, score))


def means_of_classes(rows: Sequence[Row], value: Callable[[Row], float | None]) -> dict[str, float]:
    """Case -> the mean over those of its classes that have a value."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if (found := value(row)) is not None:
            values.setdefault(row.case, []).append(found)
    return {case: float(np.mean(listed)) for case, listed in values.items()}


def by_place(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    """Rows by (case, class). Raises InputError where two rows claim one place."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        if found.setdefault((row.case, row.class_name), row) is not row:
            raise InputError(f"the table has two rows for case {row.case}, class {row.class_name}")
    return found


def names_of(cases: Sequence[str], units: Units) -> list[str]:
    """The patients or scans of these cases, in the order of their first case."""
    return list(dict.fromkeys(units.get(case, case) for case in cases))


def by_unit(values: np.ndarray, cases: Sequence[str], units: Units) -> np.ndarray:
    """Cases of one patient or scan averaged: (..., cases) -> (..., units), in the order of ``names_of``; NaN aside."""
    names = {name: index for index, name in enumerate(names_of(cases, units))}
    if len(names) == len(cases):
        return values
    place = np.array([names[units.get(case, case)] for case in cases])
    return np.stack([known_mean(values[..., place == index], -1) for index in range(len(names))], axis=-1)


def by_draw(values: np.ndarray, draws: Sequence[int]) -> np.ndarray:
    """Seeds of a draw averaged: (runs, N) -> (draws, N), draws in ascending order; NaN aside."""
    which = np.asarray(draws)
    return np.array([known_mean(values[which == draw], 0) for draw in sorted(set(draws))])


def repeats_of(values: np.ndarray, draws: Sequence[int]) -> np.ndarray:
    """What was repeated: draws (their seeds averaged) where there are several, else the seeds: (runs, N) -> (R, N)."""
    return by_draw(values, draws) if len(set(draws)) > 1 else values


def known_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean along an axis of what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    counts = known.sum(axis)
    sums = np.where(known, values, 0.0).sum(axis)
    return np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)


def counted(units: int, cases: int, unit: str = "patient or scan", case: str = "case") -> str:
    """How many were compared: ``20 cases``, or ``60 patients or scans (1080 cases)`` where several are of one."""
    if units == cases:
        return plural(cases, case)
    return f"{plural(units, unit)} ({plural(cases, case)})"
