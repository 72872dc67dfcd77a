"""How much a gain is worth: against a twin that trained as long as the method did, and against all labels there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from semivox.evaluation.comparison import Comparison
from semivox.evaluation.metrics import METRICS
from semivox.experiments.results import Results
from semivox.reports.page import TextTable, number

SCORE = "dice"
"""What gains are measured by."""


@dataclass(frozen=True)
class Yardstick:
    """What one arm is held against, beside its twin of the same steps."""

    same_minutes: Comparison | None
    """With the twin that trained as long as it did; None: there is none."""
    ceiling: Comparison | None
    """What all labels gain over its twin; None: nobody trained on them."""
    gain: float | None
    """Its own, over its twin."""

    @property
    def share(self) -> float | None:
        """The part of what all labels gain; None where that is not decided, so that there is nothing to share."""
        if self.gain is None or self.ceiling is None or self.ceiling.verdict != "better":
            return None
        return self.gain / self.ceiling.difference


def yardsticks_of(results: Results, labeled_set: str, twins: Mapping[str, Comparison]) -> Mapping[str, Yardstick]:
    """Arm -> its yardsticks, of the arms that have any; ``twins``: arm -> its comparison with its twin by ``SCORE``."""
    minutes, ceilings = results.at_same_minutes(labeled_set, SCORE), results.to_ceiling(labeled_set, SCORE)
    found = {}
    for group in results.of(labeled_set):
        name, twin = group.arm.name, group.arm.twin
        one = Yardstick(minutes.get(name), ceilings.get(twin or ""), twins[name].difference if name in twins else None)
        if twin and (one.same_minutes or one.ceiling):
            found[name] = one
    return found


def yardstick_table(found: Mapping[str, Yardstick]) -> TextTable | None:
    """The same in words; None where there is nothing to say."""
    if not found:
        return None
    ceilings = {one.ceiling.b: one.ceiling for one in found.values() if one.ceiling}
    notes = [
        f"All labels of the pool instead of these, for {twin}: {_difference(one)} ({one.verdict})."
        + ("" if one.verdict == "better" else " So what there is to gain is not known, and no share of it is given.")
        for twin, one in ceilings.items()
    ]
    if any(one.same_minutes for one in found.values()):
        notes.append(
            "The twin of the same minutes trains more steps on the labeled scans alone, as many as fit the time that "
            "the method takes. What it reaches needs no unlabeled scan."
        )
    title = METRICS[SCORE].title
    heads = ("method", f"{title}, to the twin of the same minutes", "verdict", "part of what all labels gain")
    rows = tuple(
        (
            name,
            _difference(one.same_minutes) if one.same_minutes else "",
            one.same_minutes.verdict if one.same_minutes else "",
            f"{100 * share:.0f} %" if (share := one.share) is not None else "",
        )
        for name, one in found.items()
    )
    return TextTable("What the gain is worth", heads, rows, tuple(notes))


def _difference(one: Comparison) -> str:
    ends = ", ".join(number(end, SCORE, signed=True) for end in (one.low, one.high))
    return f"{number(one.difference, SCORE, signed=True)} [{ends}]"
