"""What a job or study has found so far: its runs by labeled set and method, their means, comparisons and ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.evaluation.aggregation import (
    by_unit,
    joint_values,
    repeats_of,
)
from semivox.evaluation.comparison import Comparison, compare, corrected
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.paired import paired
from semivox.evaluation.ranks import Ranking, rank, rank_repeats
from semivox.evaluation.score import Row
from semivox.experiments.groups import Group
from semivox.experiments.labeled_sets import ALL_LABELS
from semivox.experiments.record import Record


@dataclass(frozen=True)
class Results:
    """A job or study: what was asked, and what is there."""

    folder: Path
    record: Record
    groups: tuple[Group, ...]
    """By their number of labeled cases; arms in the order of the study file."""
    missing: int
    """Runs that were begun or are due, and have no scores yet."""

    @property
    def labeled_sets(self) -> list[str]:
        """Names, in the order of the groups."""
        return list(dict.fromkeys(group.labeled_set for group in self.groups))

    def of(self, labeled_set: str) -> list[Group]:
        """The groups of one labeled set."""
        return [group for group in self.groups if group.labeled_set == labeled_set]

    def twin(self, group: Group) -> Group | None:
        """The supervised runs that this arm is compared with, if there are any."""
        return next((other for other in self.of(group.labeled_set) if other.arm.name == group.arm.twin), None)

    def same_minutes(self, group: Group) -> Group | None:
        """The supervised runs that took as long as this arm's, if there are any."""
        return next((other for other in self.of(group.labeled_set) if other.arm.minutes_of == group.arm.name), None)

    def comparisons(self, labeled_set: str, score: str) -> dict[str, Comparison]:
        """Arm -> its comparison with its twin; corrected for the number of arms of the labeled set."""
        return self._compared(labeled_set, score, self.twin)

    def at_same_minutes(self, labeled_set: str, score: str) -> dict[str, Comparison]:
        """Arm -> its comparison with the twin that trained as long as it did; corrected for how many there are."""
        return self._compared(labeled_set, score, self.same_minutes)

    def _compared(
        self, labeled_set: str, score: str, other_of: Callable[[Group], Group | None]
    ) -> dict[str, Comparison]:
        """Arm -> its comparison with another arm of the labeled set, where it has one."""
        found: list[Comparison] = []
        for group in self.of(labeled_set):
            if (other := other_of(group)) is not None:
                with suppress(InputError):  # ``uncompared`` says so
                    names = (group.arm.name, other.arm.name)
                    found.append(compare(group.scores, other.scores, score, names, units=group.units))
        return {one.a: one for one in corrected(found)}

    def to_ceiling(self, labeled_set: str, score: str) -> dict[str, Comparison]:
        """Supervised arm -> what all labels of the pool give beyond this labeled set's, where both were trained.

        The ceiling has one labeled set, which stands beside every draw of the smaller one.
        """
        found = {}
        for group in self.of(labeled_set):
            if (ceiling := self._ceiling(group)) is not None:
                beside = {(draw, seed): rows for draw, seed in group.runs for rows in [ceiling.get(seed)] if rows}
                with suppress(InputError):
                    names = ("all labels", group.arm.name)
                    found[group.arm.name] = compare(beside, group.scores, score, names, units=group.units)
        return found

    def _ceiling(self, group: Group) -> dict[int, tuple[Row, ...]] | None:
        """Seed -> scores of the same supervised arm on all labels; None where that is no other labeled set."""
        if group.arm.twin is not None or group.arm.minutes_of is not None:
            return None
        for other in self.groups:
            every = other.labeled_set == ALL_LABELS or all(not run.split.unlabeled for run in other.runs.values())
            if other.arm.name == group.arm.name and every and other.labeled > group.labeled:
                return {seed: rows for (_, seed), rows in other.scores.items()}
        return None

    def uncompared(self, scores: Sequence[str]) -> tuple[str, ...]:
        """What cannot be compared with its twin by these scores, and why, a sentence each."""
        listed = []
        for group, score in ((group, score) for group in self.groups for score in scores):
            if (twin := self.twin(group)) is None:
                continue
            try:
                paired(group.scores, twin.scores, score, (group.arm.name, twin.arm.name), group.units)
            except InputError as error:
                where = f"{group.labeled_set}: " if group.labeled_set else ""
                listed.append(f"{where}{group.arm.name} is not compared by {METRICS[score].title}: {error}.")
        return tuple(listed)

    def ranked_runs(self, labeled_set: str) -> list[tuple[int, int]]:
        """(draw, seed) of the runs that all methods (without ablations) on a labeled set have."""
        own = [set(group.runs) for group in self.of(labeled_set) if group.arm.ablation is None]
        return sorted(set.intersection(*own)) if own else []

    def ranking(self, labeled_set: str, score: str) -> Ranking | None:
        """Ranks of the methods (without ablations) in the runs that all have; None for fewer than 3.

        Over cases (or patients) alone where there is one run, else over repeats too.
        """
        groups, keys = (
            [group for group in self.of(labeled_set) if group.arm.ablation is None],
            self.ranked_runs(labeled_set),
        )
        if len(groups) < 3 or not keys:
            return None
        joint = joint_values([group.scores[key] for group in groups for key in keys], score)
        values = by_unit(joint.values, joint.cases, groups[0].units)
        if values.shape[1] < 2:
            return None
        draws = [draw for draw, _ in keys]
        by_group = values.reshape(len(groups), len(keys), -1)
        table = np.stack([repeats_of(own, draws) for own in by_group], axis=-1)
        names, higher = [group.arm.name for group in groups], METRICS[score].higher_is_better
        return rank(table[0], names, higher) if len(table) == 1 else rank_repeats(table, names, higher)


def pairs_of(group: Group, twin: Group, score: str) -> dict[str, float]:
    """Case (or patient) -> the arm's value minus its twin's, as their comparison takes it. Raises InputError."""
    return paired(group.scores, twin.scores, score, (group.arm.name, twin.arm.name), group.units).of_unit
