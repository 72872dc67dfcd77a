"""What a reader needs first: the answer in a word, the number that carries it, the model to use, what to do next."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from semivox.evaluation.comparison import Comparison
from semivox.experiments.fitness import unfitness
from semivox.experiments.summary import Summary, model_words

WORDS = {"helped": "Helped", "hurt": "Did not help", "inconclusive": "Inconclusive"}


@dataclass(frozen=True)
class FirstScreen:
    """Texts of the top of the page."""

    word: str
    number: str
    surfaces: str
    """What became of surface distances, in words; empty where none were compared."""
    model: str
    """Which model to use, and how good it is."""
    unfit: str
    """Why this model must not be used; empty where nothing speaks against it."""
    open: str
    """Why it is not decided, without a full stop; empty where it is."""
    decide: str
    """What would decide; empty where it is decided."""
    next: str
    command: str


def first_screen(summary: Summary, job: str) -> FirstScreen:
    """From the summary of a job; ``job``: the name of its folder."""
    dice = summary.comparisons.get("dice")
    unfit = unfitness(summary)
    return FirstScreen(
        WORDS[summary.verdict],
        "No scan could be scored" if dice is None else _number(dice),
        "" if (hd95 := summary.comparisons.get("hd95_mm")) is None else surfaces_in_words(hd95),
        model_words(summary),
        unfit,
        "" if dice is None else dice.why_open,
        _decide(summary, dice),
        "Do not use this model yet. Look at the worst cases below, correct or add labels, train longer (--steps), and "
        "run again."
        if unfit
        else "Look at the worst cases below, then label new scans:",
        "" if unfit else shlex.join(["semivox", "predict", job, "-i", "SCANS", "-o", "LABELS"]),
    )


def surfaces_in_words(hd95: Comparison) -> str:
    """Whether surfaces came closer to the reference; numbers of both, to a tenth of a mm."""
    said = {
        "better": "The largest distances between surfaces became smaller with the unlabeled scans",
        "worse": "The largest distances between surfaces became larger with the unlabeled scans",
        "inconclusive": "Whether the largest distances between surfaces changed is not decided",
    }[hd95.verdict]
    return (
        f"{said}: HD95 {hd95.mean_a:.1f} mm with them, {hd95.mean_b:.1f} mm without; a missed or invented object "
        "counts with the scan's diagonal"
        + (f". It is not decided, as {why}" if (why := hd95.why_open_all_the_same) else "")
    )


def _number(dice: Comparison) -> str:
    ends = ""
    if dice.low is not None and dice.high is not None:
        ends = f" (95 % interval {dice.low:+.3f} to {dice.high:+.3f})"
    noun = "scan" if dice.cases == 1 else "scans"
    return (
        f"Dice {dice.difference:+.3f}{ends}: {dice.mean_a:.3f} with the unlabeled scans, {dice.mean_b:.3f} without, "
        f"on the same {dice.cases} {noun}"
    ).replace("-", "\N{MINUS SIGN}")


def _decide(summary: Summary, dice: Comparison | None) -> str:
    if summary.verdict != "inconclusive":
        return ""
    if dice is None:
        return "Labels of scans that neither model has seen, from at least two patients."
    if dice.low is None or dice.high is None:
        return "More scored scans: one scan says nothing about others."
    said = re.search(r"About [^.]* would decide[^.]*\.", summary.answer)
    if dice.difference == 0 or dice.low == dice.high:
        return "Nothing: the two models score the same. Use either."
    estimated = said.group() if said else "More scored scans."
    return f"{estimated} A second seed (--seed 2, another --out) says how much of it is chance."
