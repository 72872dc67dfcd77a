"""What a study has found so far: its runs by setting and method, their means, comparisons and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.contrasts import Contrast, contrast, corrected
from semivox.evaluation.intervals import case_means
from semivox.evaluation.nested import nested
from semivox.evaluation.ranks import Ranking, rank
from semivox.evaluation.score import DISTANCES, HIGHER_IS_BETTER, Row
from semivox.evaluation.voxel_scores import VoxelRow
from semivox.study.grids.cells import Arm
from semivox.study.runs.arrange import StudyRecord
from semivox.study.runs.cost import Cost
from semivox.training.settings import RunConfig


@dataclass(frozen=True)
class Run:
    """One finished run."""

    folder: Path
    rows: tuple[Row, ...]
    cost: Cost | None
    config: RunConfig
    plan: Plan
    split: Split
    voxels: tuple[VoxelRow, ...] = ()
    """Scores in voxels, where the grid asks for them."""


@dataclass(frozen=True)
class Estimate:
    """A mean over draws, seeds and cases, with its 95 % interval."""

    mean: float | None
    low: float | None
    high: float | None
    undefined: int
    """Objects that were missed or invented, so that there is no distance; they are left out of this mean."""
    penalized: float | None
    """Distances: the mean with the scan's diagonal in their place."""


@dataclass(frozen=True)
class Group:
    """All runs of one arm in one setting."""

    setting: str
    arm: Arm
    runs: Mapping[tuple[int, int], Run]
    """(draw, seed) -> run."""

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
            row.empty in ("prediction", "reference") and score in DISTANCES
            for rows in self.scores.values()
            for row in rows
        )
        plain = [_defined(rows, score) for rows in self.scores.values()]
        values = [value for found in plain for value in found.values()]
        low, high = _interval([key[0] for key in self.runs], plain)
        if low is not None and high is not None and score != "volume_error_ml":  # t intervals of few draws overshoot
            low, high = max(low, 0.0), high if score in DISTANCES else min(high, 1.0)
        filled = [value for rows in self.scores.values() for value in case_means(rows, score).values()]
        return Estimate(
            mean=float(np.mean(values)) if values else None,
            low=low,
            high=high,
            undefined=undefined,
            penalized=float(np.mean(filled)) if filled and undefined else None,
        )

    def in_voxels(self, score: str) -> float | None:
        """Mean over all runs and cases of a score of ``voxels.csv``; None where there are none."""
        rows = [row for run in self.runs.values() for row in run.voxels]
        values = [value for row in rows if (value := getattr(row, score)) is not None]
        return float(np.mean(values)) if values else None

    def minutes(self) -> float | None:
        """Of training, mean over runs."""
        known = [run.cost.train_seconds / 60 for run in self.runs.values() if run.cost]
        return float(np.mean(known)) if known else None

    def memory_gb(self) -> float | None:
        """Peak, the largest of all runs; of the GPU where one was used."""
        known = [run.cost.gpu_memory_mb or run.cost.memory_mb for run in self.runs.values() if run.cost]
        return max(known) / 1024 if known else None


@dataclass(frozen=True)
class Results:
    """A study: what was asked, and what is there."""

    folder: Path
    record: StudyRecord
    groups: tuple[Group, ...]
    """Settings by their number of labeled cases; arms in the order of the grid."""
    missing: int
    """Runs that were begun or are due, and have no scores yet."""

    @property
    def settings(self) -> list[str]:
        """In the order of the groups."""
        return list(dict.fromkeys(group.setting for group in self.groups))

    def of(self, setting: str) -> list[Group]:
        """The groups of one setting."""
        return [group for group in self.groups if group.setting == setting]

    def twin(self, group: Group) -> Group | None:
        """The supervised runs that this arm is measured against, if there are any."""
        return next((other for other in self.of(group.setting) if other.arm.name == group.arm.twin), None)

    def contrasts(self, setting: str, score: str) -> dict[str, Contrast]:
        """Arm -> its comparison with its twin; corrected for the number of arms of the setting."""
        found: list[Contrast] = []
        for group in self.of(setting):
            twin = self.twin(group)
            if twin is None or not set(twin.runs) & set(group.runs):
                continue
            found.append(contrast(group.scores, twin.scores, score, (group.arm.name, twin.arm.name)))
        return {one.a: one for one in corrected(found)}

    def ranking(self, setting: str, score: str) -> Ranking | None:
        """Ranks of the methods (without ablations) over the cases, means over common runs; None for fewer than 3."""
        groups = [group for group in self.of(setting) if group.arm.ablation is None]
        keys = set.intersection(*(set(group.runs) for group in groups)) if groups else set()
        if len(groups) < 3 or not keys:
            return None
        tables = [[case_means(group.scores[key], score) for key in sorted(keys)] for group in groups]
        cases = sorted(set.intersection(*(set(found) for table in tables for found in table)))
        if len(cases) < 2:
            return None
        values = np.array([[np.mean([found[case] for found in table]) for table in tables] for case in cases])
        return rank(values, [group.arm.name for group in groups], score in HIGHER_IS_BETTER)


def provenance(group: Group, results: Results) -> dict[str, str]:
    """What every number of this group was made with."""
    runs = list(group.runs.values())
    first, seeds = runs[0], sorted({seed for _, seed in group.runs})
    plan, train = first.plan, first.config.train
    return {
        "weights": train.selection,
        "steps": str(train.steps or plan.steps),
        "seeds": ", ".join(map(str, seeds)),
        "draws": ", ".join(map(str, sorted({draw for draw, _ in group.runs}))),
        "labeled": str(group.labeled),
        "unlabeled": str(len(first.split.unlabeled)),
        "scored": str(len(first.split.test)),
        "dataset": plan.dataset,
        "spacing": " x ".join(f"{s:g}" for s in plan.spacing) + " mm",
        "patch": " x ".join(map(str, plan.patch)),
        "network": " ".join([plan.network.name, *(f"{key}={value}" for key, value in plan.network.options.items())]),
        "splits": ", ".join(dict.fromkeys(run.split.digest() for run in runs)),
        "plan": ", ".join(dict.fromkeys(run.plan.digest() for run in runs)),
        "its own": "; ".join(group.arm.departures(results.record.grid)),
        "semivox": version("semivox"),
    }


def _defined(rows: Sequence[Row], score: str) -> dict[str, float]:
    """Case -> mean over the classes for which the score is defined."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if (value := getattr(row, score)) is not None:
            values.setdefault(row.case, []).append(value)
    return {case: float(np.mean(listed)) for case, listed in values.items()}


def _interval(draws: Sequence[int], tables: Sequence[Mapping[str, float]]) -> tuple[float | None, float | None]:
    """95 % interval of the mean: nested over draws (or seeds) and cases, or BCa over the cases of one run."""
    cases = [case for case in tables[0] if all(case in table for table in tables)]
    values = np.array([[table[case] for case in cases] for table in tables])
    if len(cases) < 2:
        return None, None
    if len(set(draws)) > 1:
        values = np.array([values[[one == draw for one in draws]].mean(0) for draw in sorted(set(draws))])
    if len(values) > 1:
        found = nested(values)
        return found.low, found.high
    interval = mean_interval(values[0])
    return (interval.low, interval.high) if interval else (None, None)


def pairs_of(group: Group, twin: Group, score: str) -> dict[str, float]:
    """Case -> the arm's value minus its twin's, mean over the runs that both have."""
    keys = sorted(set(group.runs) & set(twin.runs))
    own = [case_means(group.scores[key], score) for key in keys]
    other = [case_means(twin.scores[key], score) for key in keys]
    cases = sorted(set.intersection(*(set(found) for found in (*own, *other)))) if keys else []
    return {case: float(np.mean([a[case] - b[case] for a, b in zip(own, other, strict=True)])) for case in cases}
