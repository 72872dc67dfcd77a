"""Two methods on the same draws, seeds and cases: the values that a comparison compares, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semivox.core.errors import InputError
from semivox.evaluation.aggregation import (
    EACH_ITS_OWN,
    Units,
    by_draw,
    by_place,
    by_unit,
    joint_values,
    names_of,
)
from semivox.evaluation.score import Row

Runs = Mapping[tuple[int, int], Sequence[Row]]
"""(draw, seed) -> the scores of one method's run."""


@dataclass(frozen=True)
class Pairs:
    """Two methods on the same draws, seeds and cases."""

    draws: tuple[int, ...]
    """Of each common run."""
    cases: int
    units: tuple[str, ...]
    """Names of patients or scans; of cases, where each is one of its own."""
    values: np.ndarray
    """(2, runs, units): means over the classes of a case, and the cases of a unit."""
    left_out: int
    """Objects (case, class) without a value."""

    @property
    def differences(self) -> np.ndarray:
        """A minus B: (runs, units), rounded so that equal ones tie."""
        return np.round(self.values[0] - self.values[1], 12)

    @property
    def of_unit(self) -> dict[str, float]:
        """Unit -> A minus B, the mean over draws of the mean over their seeds."""
        means = by_draw(self.differences, self.draws).mean(0)
        return {name: float(value) for name, value in zip(self.units, means, strict=True)}


def paired(a_runs: Runs, b_runs: Runs, score: str, names: tuple[str, str], units: Units = EACH_ITS_OWN) -> Pairs:
    """The values that ``compare`` compares, unit by unit. Raises InputError as it does."""
    common = sorted(set(a_runs) & set(b_runs))
    if not common:
        raise InputError(f"{names[0]} and {names[1]} have no draw and seed in common, so nothing can be compared")
    for key in common:
        _check_same_cases(a_runs[key], b_runs[key])
    joint = joint_values([runs[key] for runs in (a_runs, b_runs) for key in common], score)
    if not joint.cases:
        raise InputError(f"no case has a value of {score} in every run of {names[0]} and {names[1]}")
    return Pairs(
        draws=tuple(draw for draw, _ in common),
        cases=len(joint.cases),
        units=tuple(names_of(joint.cases, units)),
        values=by_unit(joint.values, joint.cases, units).reshape(2, len(common), -1),
        left_out=joint.left_out,
    )


def _check_same_cases(a_rows: Sequence[Row], b_rows: Sequence[Row]) -> None:
    """Raise InputError where two tables do not hold the same cases and classes, each once."""
    if unpaired := sorted(set(by_place(a_rows)) ^ set(by_place(b_rows))):
        shown = ", ".join(f"{case} ({name})" for case, name in unpaired[:10])
        raise InputError(
            f"only one of the two tables has {shown}; a paired comparison needs the same cases and classes"
        )
