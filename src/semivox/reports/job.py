"""The page of a job, from its folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.evaluation.aggregation import by_place, values_at
from semivox.evaluation.score import Row
from semivox.evaluation.summary import Statistic
from semivox.experiments.collect import collect
from semivox.experiments.fitness import says_unfit
from semivox.experiments.groups import Estimate, Group
from semivox.experiments.provenance import provenance_line
from semivox.experiments.record import load_record
from semivox.experiments.summary import Summary
from semivox.methods.titles import shown
from semivox.reports.cases import Cases, cases_of
from semivox.reports.curves import training_curves
from semivox.reports.first_screen import first_screen
from semivox.reports.methods_text import citations, how_made, in_words, methods_paragraph
from semivox.reports.page import Outcome, PairedCase, ReportData, ScoreRow, write_report
from semivox.reports.pictures import case_pictures
from semivox.reports.rounds import shown_rounds
from semivox.reports.still_rising import still_rising
from semivox.reports.surface_pictures import surfaces_of_arms
from semivox.reports.unlabeled import unlabeled_table
from semivox.reports.viewer.scenes import is_ct
from semivox.rounds.folder import finished_until
from semivox.training.folder import RunFolder

SHOWN = ("dice", "hd95_mm", "assd_mm", "nsd_1mm", "volume_error_ml")
"""Scores in the report's table; the others are in scores.csv."""
SENTENCE_ENDS = re.compile(r"(?<=\.) (?=[A-Z])")
OUTCOMES: dict[str, Outcome] = {"helped": "better", "hurt": "worse", "inconclusive": "inconclusive"}


def report_job(out: Path) -> Path:
    """Write report.html of a finished job; returns its path. Raises InputError where the job is not finished."""
    record = load_record(out)
    if not record.data:
        raise InputError(
            f"the job in {out} was made by semivox 0.1.0, which did not keep where its scans are. Run its "
            "semivox run again with the same --out: the page is written, unless defaults are others by now, as it "
            "then says; the models in it can be used in any case"
        )
    if not (out / "summary.json").exists():
        raise InputError(f"the job in {out} is not finished; run its semivox run again with the same --out")
    summary, plan = Summary.load(out / "summary.json"), Plan.load(out / "plan.json")
    arms = (summary.twin, summary.method)
    results = None if record.scored_on == "nothing" else collect(out)
    groups = {} if results is None else {group.arm.method: group for group in results.groups}
    sentences = SENTENCE_ENDS.split(summary.answer)
    pair = [groups[arm] for arm in arms if arm in groups]
    both = results is not None and len(pair) == 2
    rounds = shown_rounds(finished_until(out))
    cases = cases_of(results, *pair) if results is not None and both else Cases()
    logs = {arm: RunFolder(out / arm).logged() for arm in arms}
    data = ReportData(
        title=f"{summary.provenance.dataset}: did the unlabeled scans help?",
        verdict=sentences[0],
        outcome=OUTCOMES[summary.verdict],
        details=(
            *(said for said in sentences[1:] if "would decide" not in said and "is not decided because" not in said),
            provenance_line(summary.provenance).splitlines()[0],
        ),
        warnings=tuple(warning for warning in summary.warnings if not says_unfit(summary, warning)),
        rows=_table(summary),
        costs=tuple(_cost(groups[arm]) for arm in arms if arm in groups),
        baseline=summary.twin,
        candidate=summary.method,
        paired=paired_cases(*(_rows(groups.get(arm)) for arm in arms)),
        curves=training_curves(logs),
        rising=still_rising(logs),
        pictures=() if results is None or cases.lines else case_pictures(results, ""),
        provenance=how_made(summary, out, record),
        reasons={in_words(name): why for name, why in plan.reasons.items()},
        first=first_screen(summary, out.name),
        cases=cases,
        surfaces=surfaces_of_arms(results, pair, out, "") if results is not None and both else (),
        methods=methods_paragraph(summary, plan),
        citations=citations(summary),
        about={
            "dataset": plan.dataset,
            "model": summary.chosen,
            "split": summary.provenance.split,
            "plan": summary.provenance.plan,
        },
        labels=unlabeled_table(out, Path(record.data), plan),
        rounds=rounds.lines,
        gain=rounds.gain,
        rounds_curve=rounds.curve,
        ct=is_ct(plan.channels),
    )
    write_report(data, out / "report.html")
    return out / "report.html"


def _table(summary: Summary) -> tuple[ScoreRow, ...]:
    """A row per class and arm, and one over all classes."""
    rows = []
    for arm in (name for name in (summary.twin, summary.method) if name in summary.arms):
        scores = summary.arms[arm]
        lines = dict(scores.classes) | ({"mean of classes": scores.overall} if len(scores.classes) > 1 else {})
        rows += [
            ScoreRow(
                arm,
                name,
                scores.cases,
                {score: _estimate(values[score]) for score in SHOWN},
            )
            for name, values in lines.items()
        ]
    return tuple(sorted(rows, key=lambda row: row.class_name))


def _cost(group: Group) -> str:
    """What the trainings of an arm took, in words."""
    minutes, memory = group.minutes(), group.memory_gb()
    if minutes is None or memory is None:
        return f"{shown(group.arm.method)}: not recorded"
    return f"{shown(group.arm.method)}: {minutes:.1f} min a training, {memory:.1f} GB"


def _estimate(statistic: Statistic) -> Estimate:
    """As pages show it: where objects are undefined, a mean of the others has no honest interval."""
    if statistic.undefined:
        return Estimate(statistic.mean, None, None, statistic.undefined, statistic.mean_with_diagonal)
    return Estimate(statistic.mean, statistic.low, statistic.high, 0, None)


def _rows(group: Group | None) -> list[Row]:
    return [] if group is None else [row for run in group.runs.values() for row in run.rows]


def paired_cases(twin: Sequence[Row], method: Sequence[Row]) -> tuple[PairedCase, ...]:
    """Dice of both arms for each case and class, as their comparison takes it."""
    other = by_place(method)
    both = [(row, other[row.case, row.class_name]) for row in twin if (row.case, row.class_name) in other]
    return tuple(PairedCase(row.case, row.class_name, *values_at((row, its), "dice")) for row, its in both)
