"""What the page of a study says first: what came out in a word, which method to use, what is not usable, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semivox.evaluation.aggregation import case_means
from semivox.experiments.fitness import UNFIT
from semivox.experiments.results import Results
from semivox.methods.titles import shown
from semivox.reports.first_screen import surfaces_in_words
from semivox.reports.page import TextTable
from semivox.reports.table import Line, by_labeled_set


@dataclass(frozen=True)
class StudyFirst:
    """Texts of the top of the page."""

    word: str
    answers: Mapping[str, str]
    """Labeled set -> its best method, by how much, and how sure."""
    unfit: str
    """Methods that are not usable; empty where all are."""
    next: str


def study_first(lines: Sequence[Line], warnings: Sequence[str]) -> StudyFirst:
    """From the lines of all labeled sets. Best is the highest mean Dice; whether it is sure, its comparison says."""
    plain = [line for line in lines if not line.ablation]
    verdicts = [line.comparisons["dice"].verdict for line in plain if "dice" in line.comparisons]
    unfit = [warning for warning in warnings if is_red(warning)]
    return StudyFirst(
        _word(verdicts),
        {own[0].labeled_set: _answer(own) for own in by_labeled_set(plain)},
        "; ".join(warning.rstrip(".").removesuffix(UNFIT) for warning in unfit) + ("." if unfit else ""),
        _next(verdicts, bool(unfit)),
    )


def is_red(warning: str) -> bool:
    """Whether a warning says that models are not usable."""
    return "hardly found" in warning or "failed" in warning


def study_cases(results: Results, labeled_set: str) -> TextTable:
    """Mean Dice of every scored case by every method, over its runs; the case with the lowest mean first."""
    groups = [group for group in results.of(labeled_set) if group.arm.ablation is None]
    found: dict[str, dict[str, list[float]]] = {}
    for group in groups:
        for run in group.runs.values():
            for case, dice in case_means(run.rows, "dice").items():
                found.setdefault(case, {}).setdefault(group.arm.name, []).append(dice)
    arms = [group.arm.name for group in groups]
    means = {case: {arm: float(np.mean(own[arm])) for arm in arms if arm in own} for case, own in found.items()}
    ordered = sorted(means, key=lambda case: (np.mean(list(means[case].values())), case))
    rows = tuple(
        (case, *(f"{means[case][arm]:.3f}" if arm in means[case] else "\N{EN DASH}" for arm in arms))
        for case in ordered
    )
    return TextTable("Every scored case: mean Dice over draws and seeds, the worst first", ("Case", *arms), rows)


def _word(verdicts: Sequence[str]) -> str:
    kinds = set(verdicts) - {"inconclusive"}
    if not verdicts:
        return "Nothing compared yet"
    if not kinds:
        return "Inconclusive"
    if kinds == {"better"}:
        return "Helped" if len(verdicts) == verdicts.count("better") else "Helped in part"
    return "Did not help" if kinds == {"worse"} else "Helped some, hurt others"


def _answer(lines: Sequence[Line]) -> str:
    known = [line for line in lines if line.scores["dice"].mean is not None]
    if not known:
        return "nothing is scored yet"
    best = max(known, key=lambda line: line.scores["dice"].mean or 0.0)
    said = f"{shown(best.arm)}, mean Dice {best.scores['dice'].mean:.3f}"
    if "dice" not in best.comparisons:
        return f"{said}: the twin without unlabeled scans; no method has a higher mean"
    against = best.comparisons["dice"]
    apart, way = abs(against.difference), "more" if against.difference > 0 else "less"
    sure = {
        "better": f"{apart:.3f} more than its twin, and that is decided",
        "worse": f"{apart:.3f} less than its twin, and that is decided",
        "inconclusive": f"{apart:.3f} {way} than its twin, which is not decided ({against.why_open})",
    }[against.verdict]
    surfaces = f". {surfaces_in_words(found)}" if (found := best.comparisons.get("hd95_mm")) else ""
    return f"{said}, {sure}{surfaces}"


def _next(verdicts: Sequence[str], unfit: bool) -> str:
    if unfit:
        return "Do not use what is named in red. Look at its worst cases, correct or add labels, or train longer."
    if not verdicts:
        return "Start the study again: it resumes."
    if "better" in verdicts:
        return "Use the method that is named, and train it on all your labels with semivox run."
    return "More draws of the labeled cases (draws = 3 or more) and more scored cases decide most."
