"""What further labels may be expected to bring: the learning curve over the rounds, with the interval of its slope.

Over a few rounds Dice grows about with the logarithm of the number of labels. The line through the rounds is fitted on
scans that all of them scored, and again on scans drawn with replacement: what the line says differs between these. It
does not know how much depends on which scans were labeled, so the interval is a lower bound of what is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from semivox.core.plurals import plural
from semivox.core.randomness import generator
from semivox.evaluation.aggregation import case_means
from semivox.experiments.collect import collect
from semivox.experiments.summary import Summary
from semivox.rounds.folder import Round

LEAST = 3
"""Rounds from which on a line is fitted: through two points it always goes."""
REPEATS = 2000
STREAM = 0x6A17


class Curve(NamedTuple):
    """What the rounds reached, on the scans that all of them scored."""

    labeled: tuple[int, ...]
    """Labeled scans of each round."""
    dice: np.ndarray
    """(rounds, cases): mean over classes, of the model that each round chose."""
    models: tuple[str, ...] = ()

    @property
    def means(self) -> tuple[float, ...]:
        """Of each round."""
        return tuple(float(value) for value in self.dice.mean(1)) if self.dice.size else ()


class Gain(NamedTuple):
    """Dice to be expected of further labels."""

    mean: float
    low: float
    high: float


def curve_of(rounds: Sequence[Round]) -> Curve:
    """From the folders of finished rounds; without cases where nothing was scored by all."""
    tables: list[dict[str, float]] = []
    labeled, models = list[int](), list[str]()
    for each in rounds:
        summary = Summary.load(each.folder / "summary.json")
        labeled.append(summary.provenance.labeled)
        models.append(summary.chosen)
        if summary.provenance.scored_on == "nothing":
            tables.append({})
            continue
        group = next(g for g in collect(each.folder).groups if g.arm.method == summary.chosen)
        tables.append(case_means([row for run in group.runs.values() for row in run.rows], "dice"))
    common = [case for case in tables[0] if all(case in table for table in tables)] if tables else []
    values = np.array([[table[case] for case in common] for table in tables]).reshape(len(tables), len(common))
    return Curve(tuple(labeled), values, tuple(models))


def expected_gain(curve: Curve, more: int) -> Gain | None:
    """What ``more`` labels bring on top of the last round; None (unknown) with too few rounds or scored scans."""
    if len(set(curve.labeled)) < LEAST or curve.dice.shape[1] < 2:
        return None
    x = np.log(np.array(curve.labeled, float))
    step = float(np.log((curve.labeled[-1] + more) / curve.labeled[-1]))
    centered = (x - x.mean()) / float(((x - x.mean()) ** 2).sum())
    slopes = centered @ curve.dice  # of each case
    drawn = generator(STREAM).integers(len(slopes), size=(REPEATS, len(slopes)))
    low, high = np.percentile(slopes[drawn].mean(1), (2.5, 97.5)) * step
    return Gain(float(slopes.mean()) * step, float(low), float(high))


def gain_text(gain: Gain | None, more: int) -> str:
    """In a sentence; "unknown" is an answer."""
    if gain is None:
        return (
            f"What {plural(more, 'more label')} will bring is unknown: a curve needs {LEAST} rounds that scored the "
            "same scans."
        )
    return (
        f"{plural(more, 'more label')} may bring {gain.mean:+.3f} Dice (95 % interval over scans {gain.low:+.3f} to "
        f"{gain.high:+.3f}), if the curve of the rounds continues."
    )
