"""Is a run learning? Warnings read from its log alone: what is minimized, how much it weighs, what the method reports.

It knows no method. A method that logs a figure under one of the names below is watched: ``certain``, ``agreed`` and
``foreground`` are shares that must not stay at 0, ``uncertain`` one that must not stay at 1, and a name that ends in
``accuracy`` belongs to a discriminator, which must not win always, nor guess.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

WINDOW = 100
"""Steps for which something must last before it is worth a warning."""
SETTLED = 0.25
"""Part of a run in which nothing is certain yet, by design of most methods."""
NOTHING = 1e-3
"""A share of voxels that is as good as none."""
ZERO = 1e-9
"""A loss that is as good as none."""
WINNING, GUESSING = 0.99, 0.01
"""Accuracy from which on a discriminator always wins; distance from one half within which it guesses."""
EDGE, RISING, STILL = 0.05, 1.01, 0.3
"""A weight has not arrived if in the last twentieth of a run it grows at all, and its logarithm by more than this part
of what it grew in the first. One that arrives with the end, as by default, grows by a fortieth of it."""
COVERING = ("certain", "agreed", "foreground")


VANISHED, RETURNED, STOPPED = "vanished_class", "returned_class", "stopped_for_lost_class"
"""Codes of the warnings that a class is found nowhere, that it is found again, and that the run stopped for it."""


class HealthWarning(NamedTuple):
    """One warning: since when, its short name, the words, and what it is about."""

    step: int
    code: str
    text: str
    about: str = ""
    """Name of the class that it is about, if it is about one."""


class Health:
    """Reads the rows of log.jsonl one after the other; each thing is said once."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.recent: dict[tuple[str, str, str], deque[float]] = {}
        self.marks: dict[tuple[str, str], list[float]] = {}
        self.told: set[tuple[str, str]] = set()

    def see(self, row: Mapping[str, Any]) -> list[HealthWarning]:
        """What the row gives reason to say; empty for rows that are no losses."""
        if "terms" not in row:
            return []
        found = [*self._skipped(row), *self._figures(row), *self._silent_terms(row), *self._ramps(row)]
        new = [(key, warning) for key, warning in found if key not in self.told]
        self.told.update(key for key, _ in new)
        return [warning for _, warning in new]

    def _lasting(self, row: Mapping[str, Any], kind: str, name: str, value: float | None) -> deque[float] | None:
        """The last ``WINDOW`` values of a figure, this one included; None while there are fewer."""
        if value is None:
            return None
        values = self.recent.setdefault((row["player"], kind, name), deque(maxlen=WINDOW))
        values.append(float(value))
        return values if len(values) == WINDOW else None

    def _skipped(self, row: Mapping[str, Any]) -> list[tuple[tuple[str, str], HealthWarning]]:
        if row["norm"] is not None:
            return []
        text = f"the gradient of {row['player']} was not finite at step {row['step']}; that step was skipped"
        return [(("skipped", row["player"]), HealthWarning(row["step"], "not_finite", text))]

    def _figures(self, row: Mapping[str, Any]) -> list[tuple[tuple[str, str], HealthWarning]]:
        """Shares that cover nothing, and discriminators that are pinned."""
        found = []
        for name, value in row["log"].items():
            values = self._lasting(row, "log", name, value)
            if values is None or row["step"] < SETTLED * self.steps:
                continue
            if (name in COVERING and max(values) < NOTHING) or (name == "uncertain" and min(values) > 1 - NOTHING):
                text = (
                    f"{name} has been {values[-1]:.3f} for {WINDOW} steps: the unlabeled scans teach nothing. The "
                    "model may be too unsure, or have collapsed: look at the supervised loss, and train longer"
                )
                found.append(((name, "covers nothing"), HealthWarning(row["step"], "covers_nothing", text)))
            if name.endswith("accuracy") and (said := _pinned(values)):
                text = (
                    f"{name} {said} for {WINDOW} steps; what it teaches the network is noise. Change its learning rate"
                )
                found.append(((name, "pinned"), HealthWarning(row["step"], "pinned", text)))
        return found

    def _silent_terms(self, row: Mapping[str, Any]) -> list[tuple[tuple[str, str], HealthWarning]]:
        """Terms that weigh something and are zero: two networks that say the same, or one that says nothing."""
        found = []
        for name, value in row["terms"].items():
            values = self._lasting(row, "term", name, value if row["weights"].get(name, 1.0) > 0 else None)
            if values is not None and max(map(abs, values)) < ZERO and row["step"] >= SETTLED * self.steps:
                text = f"the loss {name} has been zero for {WINDOW} steps, so it teaches nothing (a constant teacher?)"
                found.append(((name, "silent"), HealthWarning(row["step"], "silent_term", text)))
        return found

    def _ramps(self, row: Mapping[str, Any]) -> list[tuple[tuple[str, str], HealthWarning]]:
        """Weights that still rise when the run ends: a ramp in other units than steps, or too long for the run."""
        found = []
        place = (row["step"] + 1) / self.steps
        for name, weight in row["weights"].items():
            marks = self.marks.setdefault((row["player"], name), [])
            if weight > 0 and (not marks or place >= (0, EDGE, 1 - EDGE, 1)[min(len(marks), 3)]):
                marks.append(weight)
            if place == 1 and len(marks) == 4 and _still_rising(*marks):
                text = (
                    f"the weight of {name} is still rising ({weight:.3g}) when the run ends: its ramp is longer than "
                    f"the {self.steps} steps. Give it fewer steps, or train longer"
                )
                found.append(((name, "ramp"), HealthWarning(row["step"], "endless_ramp", text)))
        return found


def _still_rising(first: float, second: float, third: float, last: float) -> bool:
    """From a weight's values at the beginning, a twentieth into the run, a twentieth before its end, and there."""
    return last > RISING * third and math.log(last / third) > STILL * math.log(max(second / first, 1.0))


def _pinned(values: deque[float]) -> str:
    if min(values) > WINNING:
        return "has been above 0.99"
    if max(abs(value - 0.5) for value in values) < GUESSING:
        return "has been one half, as by guessing,"
    return ""
