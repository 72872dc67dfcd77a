"""What the viewer of a study's page shows: the worst cases of each labeled set, with the label of every method."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.experiments.groups import RunResult
from semivox.experiments.results import Results
from semivox.reports.budget import BESIDE
from semivox.reports.case_view import Shelf, view_of
from semivox.reports.viewer.scenes import Scene, is_ct

SHOWN = 12
"""Cases of each labeled set that can be opened, the worst ones."""
Key = tuple[str, str]
"""Labeled set and case."""


@dataclass(frozen=True)
class StudyVolumes:
    """Scenes of the page, and which case opens which."""

    scenes: tuple[Scene, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Id -> base64 of a gzipped NIfTI."""
    opened: Mapping[Key, int] = field(default_factory=dict)
    """Number of the scene of a case that the page holds."""
    beside: Mapping[Key, str] = field(default_factory=dict)
    """File, from the page, of a case that it has no room for."""
    ct: bool = False
    """Whether values are Hounsfield units."""

    @property
    def any(self) -> bool:
        """Whether a case can be opened."""
        return bool(self.opened or self.beside)

    def of(self, labeled_set: str) -> bool:
        """Whether a case of this labeled set can be opened."""
        return any(name == labeled_set for name, _ in (*self.opened, *self.beside))


def study_volumes(results: Results, worst_first: Mapping[str, tuple[str, ...]], out: Path) -> StudyVolumes:
    """The worst cases of each labeled set, by turns, as far as the page has room; further ones in files in ``out``.

    ``worst_first``: labeled set -> its cases. Labels are those of each method's first draw and seed.
    """
    shutil.rmtree(out / BESIDE, ignore_errors=True)
    try:
        dataset = layouts.find(Path(results.record.data))
    except InputError:  # the data are elsewhere: scores can be shown all the same
        return StudyVolumes()
    by_turns = zip_longest(*([(name, case) for case in cases[:SHOWN]] for name, cases in worst_first.items()))
    shelf, ct = Shelf(out / BESIDE), False
    first = {name: _first_runs(results, name) for name in worst_first}
    opened: dict[Key, int] = {}
    beside: dict[Key, str] = {}
    for labeled_set, case in (key for turn in by_turns for key in turn if key is not None):
        runs = {arm: run for arm, run in first[labeled_set].items() if any(row.case == case for row in run.rows)}
        if not runs:  # another draw's cases, by cross-validation
            continue
        plan = next(iter(runs.values())).plan
        ct = ct or is_ct(plan.channels)
        try:
            view = view_of(dataset.entry(case), {arm: run.folder_of(case) for arm, run in runs.items()}, plan, False)
        except InputError:  # a scan or a prediction was moved away
            continue
        place = shelf.put(f"{labeled_set}, {case}", f"{labeled_set}-{case}", view, plan)
        if isinstance(place, str):
            beside[labeled_set, case] = place
        else:
            opened[labeled_set, case] = place
    return StudyVolumes(tuple(shelf.scenes), shelf.volumes, opened, beside, ct)


def _first_runs(results: Results, labeled_set: str) -> dict[str, RunResult]:
    """Each method's first draw and seed."""
    groups = [group for group in results.of(labeled_set) if group.arm.ablation is None]
    return {group.arm.name: group.runs[min(group.runs)] for group in groups}
