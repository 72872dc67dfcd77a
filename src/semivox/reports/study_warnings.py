"""What a reader of a study's page must know before its numbers: unfinished runs, few draws, runs made otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from semivox.core.errors import InputError
from semivox.experiments.collect import unfinished
from semivox.experiments.health import health_warnings
from semivox.experiments.results import Results
from semivox.experiments.runs import run_named
from semivox.experiments.unchanged import changed_options
from semivox.experiments.verdict import COMPARED, SHARED_SCANS
from semivox.reports.table import Line


def study_warnings(results: Results, lines: Sequence[Line]) -> tuple[str, ...]:
    """All warnings, in the order of the page."""
    listed = []
    if late := unfinished(results.folder, results.record):
        arms = Counter(name.rpartition("/")[2] for name in late)
        runs = "1 run has" if len(late) == 1 else f"{len(late)} runs have"
        each = ", ".join(f"{arm} {count}" for arm, count in arms.items())
        listed.append(f"{runs} no scores yet, begun or not, and nothing of them is in these tables: {each}.")
    for name in results.labeled_sets:
        counts = {line.arm: line.runs for line in lines if line.labeled_set == name}
        if len(set(counts.values())) > 1:
            few = ", ".join(f"{arm} {count}" for arm, count in counts.items() if count < max(counts.values()))
            listed.append(f"{name}: not all methods have the same number of runs ({few}; others more).")
    scored = sorted({folder.relative_to(results.folder).as_posix() for folder in _folders(results)})
    odd = health_warnings(results, [run_named(results.record.study_file, name) for name in scored])
    shared = [f"Cross-validation: {SHARED_SCANS}"] if results.record.scored_on == "cross-validation" else []
    others = (*_few_draws(results), *shared, *_made_otherwise(results), *results.uncompared(COMPARED))
    return (*listed, *others, *odd)


def _folders(results: Results) -> list[Path]:
    """The run folders that the page is about."""
    return [folder for group in results.groups for run in group.runs.values() for folder in run.folders]


def _few_draws(results: Results) -> list[str]:
    """A warning where all that is compared was seen with one labeled set only; none where that is all cases."""
    drawn = [group for group in results.groups if next(iter(group.runs.values())).split.unlabeled]
    if not drawn or any(len({draw for draw, _ in group.runs}) > 1 for group in drawn):
        return []
    cases = results.record.study_file.cases
    if len(cases.draws) > 1:
        rest = f"; the study file asks for {len(cases.draws)} draws, whose runs are not finished."
    elif cases.labeled:
        rest = "; give draws = 3 or more."
    else:
        rest = "; give labeled = [how many] and draws = 3 or more."
    return [
        "One draw of the labeled cases: every verdict holds for these labeled cases only. Another draw may decide "
        f"otherwise{rest}"
    ]


def _made_otherwise(results: Results) -> list[str]:
    """A warning where runs are not what the study file asks for, as an earlier version let happen."""
    study_file = results.record.study_file
    try:
        found = [
            f"{group.labeled_set}/draw-{draw}/seed-{seed}/{group.arm.name}: {line}"
            for group in results.groups
            for (draw, seed), run in group.runs.items()
            for first in (run.folders[0].relative_to(results.folder).as_posix(),)
            for line in changed_options(study_file, run_named(study_file, first), run.config)
        ]
    except InputError as error:
        return [f"What the runs were asked cannot be compared with the study file: {error}"]
    if not found:
        return []
    shown = "; ".join(found[:3]) + ("; ..." if len(found) > 3 else "")
    return [f"Runs were made in another way than the study file in study.json says: {shown}"]
