"""What a hostile input is: something broken in a folder of good data, and the command that meets it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Words = Sequence[str]
"""Of the command line, after ``semivox``; paths are relative to the folder that was broken."""


@dataclass(frozen=True)
class Hostile:
    """One input. ``make`` breaks something in a copy of the good folders and returns the command to run there."""

    group: str
    name: str
    make: Callable[[Path], Words]
    needs: tuple[str, ...] = ("scans",)
    """The good folders (``base.py``) that it takes a copy of."""
    may_pass: bool = False
    """Whether the command may also succeed: what is broken is harmless, or is told in words and worked around."""


INPUTS: list[Hostile] = []


def hostile(group: str, name: str, make: Callable[[Path], Words], *needs: str, may_pass: bool = False) -> None:
    """Register an input."""
    INPUTS.append(Hostile(group, name, make, needs or ("scans",), may_pass))


CHECK = ("check", "scans", "--workers", "0")
TRAIN = ("train", "scans", "-o", "run", "--method", "supervised", "--workers", "0", "--device", "cpu")
SMALL = (
    *("--steps", "2", "--network", "small", "--patch", "16,16,16", "--spacing", "1.5"),
    *("--set", "plan.precision=32-true", "--workers", "0", "--device", "cpu"),
)
"""A job of seconds."""
JOB = ("run", "scans", "-o", "job", "--method", "mean_teacher", *SMALL)
STUDY = """data = "scans"
methods = ["supervised"]
[cases]
labeled = [2]
[plan]
steps = 2
network = "small"
patch = [16, 16, 16]
spacing = [1.5, 1.5, 1.5]
fields = {precision = "32-true"}
[train]
workers = 0
device = "cpu"
"""
