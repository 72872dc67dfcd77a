"""Did the unlabeled scans help? The answer in words, with all that the numbers depend on beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.geometry import Shape, Spacing
from semivox.evaluation.aggregation import EACH_ITS_OWN, Units, counted
from semivox.evaluation.intervals import Comparison, compare, would_decide
from semivox.evaluation.score import Row
from semivox.evaluation.summary import Statistic, summarize
from semivox.evaluation.summary import Summary as Scores

COMPARED = ("dice", "hd95_mm")
"""The scores that the two models are compared by; the first one decides the verdict."""
Verdict = Literal["helped", "hurt", "inconclusive"]
ScoredOn = Literal["test", "validation", "cross-validation", "nothing"]


class Provenance(Frozen):
    """What the numbers were made with."""

    semivox: str
    """Version of the package."""
    dataset: str
    labeled: int
    unlabeled: int
    scored: int
    """Scans that were scored."""
    scored_on: ScoredOn
    folds: int = 0
    steps: int
    seed: int
    selection: str
    """Which weights were used: last, or chosen on validation cases."""
    spacing: Spacing
    """mm per voxel of training; scores are taken on each scan's own grid."""
    patch: Shape
    network: str
    precision: str
    augmentation: str
    plan: str
    """Digest of the plan."""
    split: str
    """Digest of the split."""


class Summary(Frozen):
    """What a job found (summary.json)."""

    version: int = 1
    verdict: Verdict
    """Whether the unlabeled scans helped; decided by Dice."""
    answer: str
    """The verdict in sentences: by how much, and how sure."""
    method: str
    twin: str
    arms: dict[str, Scores]
    """Method -> its scores; empty where nothing could be scored."""
    comparisons: dict[str, Comparison]
    """Score -> method against twin on the same scans."""
    provenance: Provenance

    def text(self) -> str:
        """Table, answer and provenance, for a terminal."""
        parts = [table(self), self.answer, provenance_line(self.provenance)]
        return "\n\n".join(part for part in parts if part) + "\n"


def conclude(
    method: str,
    twin: str,
    rows: Sequence[Row],
    twin_rows: Sequence[Row],
    provenance: Provenance,
    patients: Units = EACH_ITS_OWN,
) -> Summary:
    """Compare the method with its twin on the same scans. Without scores the verdict is ``inconclusive``.

    ``patients``: scan -> patient, where several may be of one; these count as one.
    """
    comparisons: dict[str, Comparison] = {}
    names = (method.replace("_", " "), twin.replace("_", " "))
    for score in COMPARED:
        try:
            comparisons[score] = compare(rows, twin_rows, score, names, units=patients)
        except InputError:  # no case has a value for both: there is nothing to compare, and the answer says so
            continue
    verdict: Verdict = "inconclusive"
    if "dice" in comparisons:
        verdict = {"better": "helped", "worse": "hurt"}.get(comparisons["dice"].verdict, "inconclusive")  # type: ignore[assignment]
    return Summary(
        verdict=verdict,
        answer=answer(verdict, comparisons, provenance),
        method=method,
        twin=twin,
        arms={arm: summarize(own, units=patients) for arm, own in {method: rows, twin: twin_rows}.items() if own},
        comparisons=comparisons,
        provenance=provenance,
    )


def answer(verdict: Verdict, comparisons: dict[str, Comparison], about: Provenance) -> str:
    """The verdict in sentences: by how much, how sure, and what it does not cover."""
    if "dice" not in comparisons:
        return (
            "Did the unlabeled scans help? Inconclusive: no scan could be scored. "
            "Label scans of at least two patients, or give a test set with labels."
        )
    dice = comparisons["dice"]
    opening = {
        "helped": "Yes, they helped",
        "hurt": "No, they made it worse",
        "inconclusive": "Inconclusive",
    }[verdict]
    sentences = [
        f"Did the unlabeled scans help? {opening}: mean Dice {dice.mean_a:.3f} with them, {dice.mean_b:.3f} without, "
        f"difference {dice.difference:+.3f}{_interval(dice)}; paired over "
        f"{counted(dice.units, dice.cases, 'patient', 'scan')}, signed-rank p = {dice.p_value:.2g}."
    ]
    if "hd95_mm" in comparisons:
        hd95 = comparisons["hd95_mm"]
        sentences.append(
            f"Surface distance (HD95, less is better): {hd95.mean_a:.1f} mm with them, {hd95.mean_b:.1f} mm without, "
            f"difference {hd95.difference:+.1f} mm{_interval(hd95, 1)}, by itself {_in_words(hd95)}."
        )
    if verdict == "inconclusive":
        sentences.append(_what_would_decide(dice))
    sentences.append(
        f"Each model was trained once (seed {about.seed}): the interval covers which scans were scored, "
        "not the chance of a training."
    )
    if about.scored_on == "cross-validation":
        sentences.append("Models of different folds share training scans, so the interval is rather too narrow.")
    return " ".join(sentences)


def table(summary: Summary) -> str:
    """A line per class: Dice and HD95 of the twin and of the method, means with 95 % intervals over scans."""
    if not summary.arms:
        return ""
    arms = (summary.twin, summary.method)
    heads = ["class", *(f"{score} {arm.replace('_', ' ')}" for score in COMPARED for arm in arms)]
    classes = list(summary.arms[summary.method].classes)
    lines = [[name, *(_cell(summary.arms[a].classes[name][s], s) for s in COMPARED for a in arms)] for name in classes]
    if len(classes) > 1:
        lines.append(["mean", *(_cell(summary.arms[a].overall[s], s) for s in COMPARED for a in arms)])
    lines.insert(0, heads)
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * len(max(text, key=len)), *text[1:], *_missed(summary)])


def provenance_line(about: Provenance) -> str:
    """What the numbers depend on, in two lines."""
    spacing, patch = " x ".join(f"{s:g}" for s in about.spacing), " x ".join(map(str, about.patch))
    where = f"{about.folds}-fold cross-validation" if about.scored_on == "cross-validation" else about.scored_on
    return (
        f"{about.dataset}: {about.labeled} labeled, {about.unlabeled} unlabeled, {about.scored} scored ({where}); "
        f"{about.steps} steps, seed {about.seed}, weights: {about.selection}\n"
        f"{about.network}, {spacing} mm, patch {patch}, {about.precision}, augmentation {about.augmentation}, "
        f"plan {about.plan}, split {about.split}, semivox {about.semivox}"
    )


def _interval(comparison: Comparison, digits: int = 3) -> str:
    if comparison.low is None or comparison.high is None:
        return ""
    return f" (95 % interval {comparison.low:+.{digits}f} to {comparison.high:+.{digits}f})"


def _in_words(comparison: Comparison) -> str:
    return {"better": "a clear gain", "worse": "a clear loss", "inconclusive": "inconclusive"}[comparison.verdict]


def _what_would_decide(dice: Comparison) -> str:
    """What a reader can do about an open question."""
    if dice.difference == 0:
        return "The two models score the same."
    noun = "scored scan" if dice.units == dice.cases else "patient"
    if dice.cases_needed is None:
        return f"One {noun} decides nothing."
    return would_decide(dice.cases_needed, dice.units, noun)


def _missed(summary: Summary) -> list[str]:
    """Objects that a model did not find at all: they have Dice 0 and no distance."""
    lines = []
    for arm in (summary.twin, summary.method):
        for name, counts in summary.arms[arm].empty.items():
            if missed := counts.get("prediction", 0):
                lines.append(f"{arm.replace('_', ' ')} missed {name} altogether in {_count(missed, 'scan')}.")
    return lines


def _cell(statistic: Statistic, score: str) -> str:
    """``0.812 [0.790, 0.831]``; for distances the mean that counts a missed object with the scan's diagonal."""
    digits = 1 if score.endswith("_mm") else 3
    mean = statistic.mean if statistic.mean_with_diagonal is None else statistic.mean_with_diagonal
    if mean is None:
        return "-"
    if statistic.low is None or statistic.high is None or statistic.undefined:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{statistic.low:.{digits}f}, {statistic.high:.{digits}f}]"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
