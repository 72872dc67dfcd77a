"""How good is a segmentation of which there is no reference? An estimate of its Dice, calibrated, with its error.

Two estimates, neither of which needs a reference:

- **expected Dice**: were each voxel of the structure with the probability that the model gives it, then the prediction
  would have about the Dice ``2 sum(p m) / (sum(p) + sum(m))``, p the probabilities and m the predicted mask. Networks
  are too sure, so as a number it is too high.
- **agreement**: the mean Dice between the labels of several passes: folds of an ensemble, networks, mirror images.

What either is worth is measured on scans with a reference that no part of the training saw: a line through them turns
an estimate into a predicted Dice, and leaving out each of them in turn tells the error of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from semivox.core.frozen import Frozen

FILE = "confidence.json"
"""In a model folder."""
LEAST = 5
"""Scans from which on a line is drawn; with fewer, estimates are shifted by their mean error."""
COVERED = 0.9
"""Part of new scans of the same kind whose Dice the interval is to hold; at least 9 scans are needed for that."""


def expected_dice(inside: np.ndarray, total: np.ndarray, size: np.ndarray) -> tuple[float | None, ...]:
    """Of each class, from its probabilities' sum over the predicted mask, over all voxels, and the mask's voxels.

    (K,) each -> K numbers from 0 to 1; None for a class that is predicted nowhere.
    """
    both = total.astype(np.float64) + size
    return tuple(
        float(2 * i / b) if s > 0 else None for i, b, s in zip(inside.astype(np.float64), both, size, strict=True)
    )


def agreement(labels: Sequence[np.ndarray], values: Sequence[int]) -> tuple[float | None, ...]:
    """Mean Dice over all pairs of label maps of one scan, for each value; None where no map shows it.

    ``labels``: at least two, of equal shape. A pair of which one map shows the class and the other does not counts 0.
    """
    if len(labels) < 2:
        raise ValueError(f"agreement needs at least two label maps, received {len(labels)}")
    found: list[float | None] = []
    for value in values:
        masks = [label == value for label in labels]
        sizes = [int(np.count_nonzero(mask)) for mask in masks]
        if not any(sizes):
            found.append(None)
            continue
        pairs = [
            2 * int(np.count_nonzero(masks[i] & masks[j])) / (sizes[i] + sizes[j])
            for i, j in combinations(range(len(masks)), 2)
            if sizes[i] + sizes[j]
        ]
        found.append(float(np.mean(pairs)))
    return tuple(found)


class PredictedDice(NamedTuple):
    """What is to be expected of a class of a case."""

    dice: float
    lower: float | None
    """Of nine in ten such scans the Dice lies from here to ``upper``; None: too few scans to say."""
    upper: float | None


class ClassCalibration(Frozen):
    """Held-out scans of one class: what was estimated, and what it was."""

    estimates: tuple[float, ...]
    dice: tuple[float, ...]

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.estimates) != len(self.dice) or not self.estimates:
            raise ValueError("there must be as many estimates as Dice values, and at least one")
        return self

    def predicted(self, estimate: float) -> PredictedDice:
        """The Dice to expect where this is estimated, with its interval where enough scans were measured."""
        value = _line(np.array(self.estimates), np.array(self.dice), estimate)
        errors = np.sort(np.abs(self._left_out()))
        place = int(np.ceil((len(errors) + 1) * COVERED))
        if place > len(errors):
            return PredictedDice(value, None, None)
        width = float(errors[place - 1])
        return PredictedDice(value, max(value - width, 0.0), min(value + width, 1.0))

    @property
    def error(self) -> float | None:
        """Mean absolute error of the predicted Dice of scans that were left out in turn; None with one scan."""
        return float(np.mean(np.abs(self._left_out()))) if len(self.dice) > 1 else None

    @property
    def blind_error(self) -> float | None:
        """The same for who says the mean Dice of the others of every scan: what the estimate must beat."""
        if len(self.dice) < 2:
            return None
        dice = np.array(self.dice)
        return float(np.mean(np.abs(dice - (dice.sum() - dice) / (len(dice) - 1))))

    def _left_out(self) -> np.ndarray:
        """(N,) predicted minus true, each scan judged by the others."""
        x, y = np.array(self.estimates), np.array(self.dice)
        if len(x) < 2:
            return np.empty(0)
        others = [np.arange(len(x)) != index for index in range(len(x))]
        return np.array([_line(x[other], y[other], x[i]) - y[i] for i, other in enumerate(others)])


class Calibration(Frozen):
    """What estimates of a model are worth (``confidence.json`` in its folder)."""

    version: Literal[1] = 1
    estimate: str = "expected Dice"
    """What was measured: the expected Dice, or the agreement of which passes."""
    measured_on: str = ""
    """Which scans the model had not seen: test, validation or cross-validation."""
    classes: Mapping[str, ClassCalibration] = Field({}, description="By name of the class.")

    def predicted(self, class_name: str, estimate: float) -> PredictedDice | None:
        """The Dice to expect; None for a class of which no held-out scan was measured."""
        known = self.classes.get(class_name)
        return None if known is None else known.predicted(estimate)

    def text(self) -> str:
        """Its error in a sentence for each class."""
        lines = []
        for name, known in self.classes.items():
            if known.error is None or known.blind_error is None:
                lines.append(f"{name}: one held-out scan, so the error of its predicted Dice is unknown")
                continue
            worth = "" if known.error < known.blind_error else "; it says no more than the mean does"
            lines.append(
                f"{name}: the predicted Dice was {known.error:.3f} off on average over {len(known.dice)} held-out "
                f"scans ({self.measured_on}); saying the mean of all would be {known.blind_error:.3f} off{worth}"
            )
        return "\n".join(lines)


def calibration(
    pairs: Mapping[str, Sequence[tuple[float, float]]], measured_on: str, estimate: str = "expected Dice"
) -> Calibration:
    """From (estimate, Dice) pairs of held-out scans by class; classes without one are left out."""
    classes = {
        name: ClassCalibration(estimates=tuple(e for e, _ in found), dice=tuple(d for _, d in found))
        for name, found in pairs.items()
        if found
    }
    return Calibration(estimate=estimate, measured_on=measured_on, classes=classes)


def _line(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """The least-squares line through the scans, which never falls; within 0 and 1."""
    spread = float(((x - x.mean()) ** 2).sum())
    if len(x) < LEAST or spread < 1e-12:
        value = at + float((y - x).mean())
    else:
        slope = max(float(((x - x.mean()) * (y - y.mean())).sum()) / spread, 0.0)
        value = float(y.mean()) + slope * (at - float(x.mean()))
    return min(max(value, 0.0), 1.0)
