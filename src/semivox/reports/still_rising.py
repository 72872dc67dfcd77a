"""Whether a training was still getting better when it ended, as far as its log can tell.

Only scores of validation scans can. The training loss fell by 13 to 32 per cent in the last quarter of each of 19 runs
of 125 to 2511 steps: the learning rate falls to 0 there, and few labeled scans are learned by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from semivox.methods.titles import shown

FEWEST = 2
"""Scorings that each of the last two quarters must have."""
RISE = 0.005
"""Dice by which the last quarter must be better: less is what another seed makes."""
UNKNOWN = (
    "Whether more steps would give more was not measured: the training loss falls to the end of every run, as the "
    "learning rate does. Scores of validation scans tell (--set train.validate_every=STEPS, with validation scans in "
    "the split)."
)


def still_rising(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[str, ...]:
    """A sentence an arm, from its rows of log.jsonl; one for all where no arm scored validation scans often enough."""
    said = [_of_arm(arm, rows) for arm, rows in logs.items()]
    return tuple(filter(None, said)) or (UNKNOWN,)


def _of_arm(arm: str, rows: Sequence[Mapping[str, Any]]) -> str:
    steps = max((row["step"] for row in rows), default=0) + 1
    scored = [row for row in rows if row.get("player") == "validation" and row.get("dice") is not None]
    quarters = [[row["dice"] for row in scored if int(4 * row["step"] / steps) == quarter] for quarter in (2, 3)]
    if min(map(len, quarters)) < FEWEST:
        return ""
    before, last = (float(np.mean(quarter)) for quarter in quarters)
    means = f"mean Dice of validation scans {before:.3f} in the third quarter of its steps and {last:.3f} in the last"
    if last - before < RISE:
        return f"{shown(arm)} was no longer getting better when it ended: {means}."
    return f"{shown(arm)} was still getting better when it ended ({means}): more steps may give more."
