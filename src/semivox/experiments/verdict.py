"""A job's answer in words: by how much the unlabeled scans helped, how sure that is, and what it does not cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from semivox.core.plurals import plural
from semivox.evaluation.aggregation import counted
from semivox.evaluation.comparison import Comparison
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.summary import ScoreSummary, Statistic
from semivox.experiments.record import ScoredOn
from semivox.methods.titles import shown

COMPARED = ("dice", "hd95_mm")
"""The scores that two models are compared by; the first one decides the verdict."""
Verdict = Literal["helped", "hurt", "inconclusive"]
SHARED_SCANS = (
    "The models of different folds were trained on partly the same scans, so the true uncertainty is larger than the "
    "interval says."
)


def answer(verdict: Verdict, comparisons: Mapping[str, Comparison], seed: int, scored_on: ScoredOn) -> str:
    """The verdict in sentences: by how much, how sure, and what it does not cover."""
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
            f"Surface distance (HD95, less is better; a missed or invented object counts with the scan's diagonal): "
            f"{hd95.mean_a:.2f} mm with them, {hd95.mean_b:.2f} mm without, difference {hd95.difference:+.2f} mm"
            f"{_interval(hd95)}; this difference is {_in_words(hd95)}."
        )
    if verdict == "inconclusive":
        sentences += [f"Whether they helped is not decided because {dice.why_open}.", _what_would_decide(dice)]
    sentences.append(
        f"Each model was trained once (seed {seed}). The interval says how much depends on which scans were scored; "
        "another seed may give another result."
    )
    if scored_on == "cross-validation":
        sentences.append(SHARED_SCANS)
    return " ".join(sentences)


def table(arms: Mapping[str, ScoreSummary], twin: str, method: str) -> str:
    """A line per class: Dice and HD95 of the twin and of the method, means with 95 % intervals over scans."""
    both = (twin, method)
    heads = ["class", *(f"{METRICS[score].title}: {shown(arm)}" for score in COMPARED for arm in both)]
    classes = list(arms[method].classes)
    lines = [[name, *(_entry(arms[a].classes[name][s], s) for s in COMPARED for a in both)] for name in classes]
    if len(classes) > 1:
        lines.append(["mean", *(_entry(arms[a].overall[s], s) for s in COMPARED for a in both)])
    lines.insert(0, heads)
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = ["  ".join(entry.ljust(width) for entry, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * len(max(text, key=len)), *text[1:], *_missed(arms, both)])


def _interval(comparison: Comparison) -> str:
    if comparison.low is None or comparison.high is None:
        return ""
    digits = METRICS[comparison.score].digits
    return f" (95 % interval {comparison.low:+.{digits}f} to {comparison.high:+.{digits}f})"


def _in_words(comparison: Comparison) -> str:
    why = comparison.why_open_all_the_same
    undecided = f"not decided, as {why}" if why else "not decided"
    return {"better": "a clear gain", "worse": "a clear loss", "inconclusive": undecided}[comparison.verdict]


def _what_would_decide(dice: Comparison) -> str:
    """What a reader can do about an open question."""
    if dice.difference == 0:
        return "The two models score the same."
    return dice.needed or f"One {'scored scan' if dice.units == dice.cases else 'patient'} decides nothing."


def _missed(arms: Mapping[str, ScoreSummary], both: tuple[str, str]) -> list[str]:
    """Objects that a model did not find at all: they have Dice 0 and no distance."""
    lines = []
    for arm in both:
        for name, counts in arms[arm].empty.items():
            if missed := counts.get("prediction", 0):
                lines.append(f"{shown(arm)} missed {name} altogether in {plural(missed, 'scan')}.")
    return lines


def _entry(statistic: Statistic, score: str) -> str:
    """``0.812 [0.790, 0.831]``; where distances are undefined, both means by name."""
    digits = METRICS[score].digits
    if statistic.undefined:
        defined = "none defined" if statistic.mean is None else f"{statistic.mean:.{digits}f} where defined"
        if statistic.mean_with_diagonal is None:
            return defined
        return f"{defined}, {statistic.mean_with_diagonal:.{digits}f} with diagonal"
    if statistic.mean is None:
        return "-"
    if statistic.low is None or statistic.high is None:
        return f"{statistic.mean:.{digits}f}"
    return f"{statistic.mean:.{digits}f} [{statistic.low:.{digits}f}, {statistic.high:.{digits}f}]"
