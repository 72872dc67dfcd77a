"""The finished runs of one method on one labeled set, and their means with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import numpy as np

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.evaluation.aggregation import (
    EACH_ITS_OWN,
    Units,
    by_draw,
    by_unit,
    case_means,
    known_mean,
    means_of_classes,
    repeats_of,
)
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.nested_bootstrap import nested
from semivox.evaluation.score import Row
from semivox.evaluation.voxel_scores import VoxelRow
from semivox.experiments.arms import Arm
from semivox.experiments.cost import Cost
from semivox.training.settings import RunConfig


@dataclass(frozen=True)
class RunResult:
    """What one finished run found; with cross-validation, the runs of all folds together."""

    folders: tuple[Path, ...]
    """Its run folder; of each fold one."""
    rows_of: tuple[tuple[Row, ...], ...]
    """Scores, by folder."""
    costs: tuple[Cost, ...]
    config: RunConfig
    plan: Plan
    split: Split
    """Of the labeled set; folds are cut from its labeled cases."""
    voxels: tuple[VoxelRow, ...] = ()
    """Scores in voxels, where the study file asks for them."""
    versions: tuple[str, ...] = ()
    """Of the package, by which it was trained and scored; several where it was resumed."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All scores; every case stands in one fold."""
        return tuple(row for rows in self.rows_of for row in rows)

    @property
    def scored(self) -> tuple[str, ...]:
        """The scored cases."""
        return tuple(dict.fromkeys(row.case for row in self.rows))

    def folder_of(self, case: str) -> Path:
        """The run folder that scored a case."""
        both = zip(self.folders, self.rows_of, strict=True)
        return next(folder for folder, rows in both if any(row.case == case for row in rows))


@dataclass(frozen=True)
class Estimate:
    """A mean over cases (or patients), seeds and draws, each averaged in turn, with its 95 % interval."""

    mean: float | None
    low: float | None
    """None where objects are undefined: a mean of what is left has no honest interval."""
    high: float | None
    undefined: int
    """Objects that were missed or invented, so that there is no distance; they are left out of this mean."""
    penalized: float | None
    """Distances: the mean with the scan's diagonal in their place; None where nothing is undefined."""
    penalized_low: float | None = None
    penalized_high: float | None = None


@dataclass(frozen=True)
class Group:
    """All runs of one arm on the labeled sets of one name."""

    labeled_set: str
    """Such as ``labeled-8``; empty in a job."""
    arm: Arm
    runs: Mapping[tuple[int, int], RunResult]
    """(draw, seed) -> run."""
    units: Units = field(default_factory=lambda: EACH_ITS_OWN)
    """Case -> the patient or scan it is of."""

    @property
    def scores(self) -> Mapping[tuple[int, int], tuple[Row, ...]]:
        """The rows of every run."""
        return {key: run.rows for key, run in self.runs.items()}

    @property
    def labeled(self) -> int:
        """Labeled cases."""
        return len(next(iter(self.runs.values())).split.labeled)

    def estimate(self, score: str) -> Estimate:
        """One score over all runs and cases; over classes, the mean of each case's classes."""
        undefined = sum(
            row.empty in ("prediction", "reference") and METRICS[score].kind == "distance"
            for rows in self.scores.values()
            for row in rows
        )
        mean, low, high = self._mean(
            [means_of_classes(rows, attrgetter(score)) for rows in self.scores.values()], score
        )
        if not undefined:
            return Estimate(mean, low, high, 0, None)
        filled = [case_means(rows, score) for rows in self.scores.values()]
        return Estimate(mean, None, None, undefined, *self._mean(filled, score))

    def _mean(
        self, tables: Sequence[Mapping[str, float]], score: str
    ) -> tuple[float | None, float | None, float | None]:
        """Mean and interval of a table (case -> value) a run; no interval where some run lacks a value."""
        cases = list(dict.fromkeys(case for table in tables for case in table))
        if not cases:
            return None, None, None
        draws = [draw for draw, _ in self.runs]
        values = np.array([[table.get(case, np.nan) for case in cases] for table in tables])
        mean = float(known_mean(known_mean(by_unit(by_draw(values, draws), cases, self.units), 1), 0))
        if np.isnan(values).any():
            return mean, None, None
        low, high = _interval(by_unit(repeats_of(values, draws), cases, self.units))
        least, most = METRICS[score].bounds  # t intervals of few draws overshoot
        if low is not None and least is not None:
            low = max(low, least)
        if high is not None and most is not None:
            high = min(high, most)
        return mean, low, high

    def in_voxels(self, score: str) -> float | None:
        """Mean over all runs and cases of a score of ``voxels.csv``; None where there are none."""
        rows = [row for run in self.runs.values() for row in run.voxels]
        values = [value for row in rows if (value := getattr(row, score)) is not None]
        return float(np.mean(values)) if values else None

    def minutes(self) -> float | None:
        """Of a training, mean over runs and folds."""
        known = [cost.train_seconds / 60 for run in self.runs.values() for cost in run.costs]
        return float(np.mean(known)) if known else None

    def memory_gb(self) -> float | None:
        """Peak, the largest of all runs; of the GPU where one was used."""
        known = [cost.gpu_memory_mb or cost.memory_mb for run in self.runs.values() for cost in run.costs]
        return max(known) / 1024 if known else None


def _interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """95 % interval of the mean of (repeats, units): nested over both, or BCa over the units of one repeat."""
    if values.shape[1] < 2:
        return None, None
    if len(values) > 1:
        found = nested(values)
        return found.low, found.high
    interval = mean_interval(values[0])
    return (interval.low, interval.high) if interval else (None, None)
