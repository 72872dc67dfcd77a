"""Where a run is: all that a ramp or a schedule may depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The current step (counted from 0) of how many."""

    step: int
    steps: int
