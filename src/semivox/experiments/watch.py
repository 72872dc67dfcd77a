"""A live line about a whole job or study: trainings done, those in progress, and the time left for all of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from semivox.core.errors import InputError
from semivox.experiments.cost import Cost
from semivox.experiments.runs import Run
from semivox.experiments.same_minutes import slowness
from semivox.training.durations import duration

TAIL = 16384
"""Bytes at the end of a log that are read: some rows."""
BAR = 20
"""Characters of the bar."""


@dataclass(frozen=True)
class RunPace:
    """How far a run is, and how fast."""

    steps: int
    seconds: float | None
    """A step; None before the first."""


class Watch:
    """Reads how far every run is from its folder. One line, rewritten on a terminal, else one every half minute.

    ``stream``: where it is written; None: nowhere.
    """

    def __init__(self, folder: Path, runs: Sequence[Run], steps: int, stream: TextIO | None) -> None:
        self.folder, self.runs = folder, {run.name: run for run in runs}
        self.steps = {run.name: run.arm.steps or steps for run in runs}
        self.slowness = slowness({run.arm.name: run.arm for run in runs}.values(), steps)
        self.stream = stream
        self.live = stream is not None and stream.isatty()
        self.every = 1.0 if self.live else 30.0
        self.said = time.monotonic() - self.every + 5.0

    def show(self, running: Sequence[str], failed: int, at_once: int) -> None:
        """Say how it goes, not more often than ``every`` seconds."""
        now = time.monotonic()
        if self.stream is None or now - self.said < self.every:
            return
        self.said = now
        seen = {name: self.read(name) for name in self.runs}
        done = sum(run.done(self.folder) for run in self.runs.values())
        left = self.left(seen, at_once)
        current = ", ".join(f"{name} {seen[name].steps}/{self.steps[name]}" for name in running)
        failures = f", {failed} failed" if failed else ""
        share = sum(pace.steps for pace in seen.values()) / max(1, sum(self.steps.values()))
        alive = sum(not self.runs[name].done(self.folder) for name in running)  # one may be done and about to end
        which = _which(min(done, len(self.runs) - 1), alive)
        self.say(f"{_bar(share)} {which} of {len(self.runs)}{failures}, {left} | {current}")

    def left(self, seen: Mapping[str, RunPace], at_once: int) -> str:
        """Time for all steps that are left, each at its arm's pace.

        Unknown before an arm has begun: by what it is slower than one that has (``slowness``), else the others' mean.
        """
        paces: dict[str, list[float]] = {}
        for name, pace in seen.items():
            if pace.seconds is not None:
                paces.setdefault(self.runs[name].arm.name, []).append(pace.seconds)
        if not paces:
            return "time left not known yet"
        means = {arm: sum(values) / len(values) for arm, values in paces.items()}
        means = self._guessed(means) | means
        usual = sum(means.values()) / len(means)
        seconds = sum(
            (self.steps[name] - pace.steps) * means.get(self.runs[name].arm.name, usual) for name, pace in seen.items()
        )
        return f"{duration((seconds + self._scoring(seen)) / at_once)} left"

    def _guessed(self, means: Mapping[str, float]) -> dict[str, float]:
        """Arm -> seconds a step, of arms that are so much slower than arms of the same network that have begun."""
        networks = {run.arm.name: run.arm.network for run in self.runs.values()}
        found = {}
        for arm, slower in self.slowness.items():
            begun = [
                mean / self.slowness[other]
                for other, mean in means.items()
                if other in self.slowness and networks[other] == networks[arm]
            ]
            if begun:
                found[arm] = slower * sum(begun) / len(begun)
        return found

    def _scoring(self, seen: Mapping[str, RunPace]) -> float:
        """Seconds to label and score the runs that are not done: as long as for each of those that are."""
        done = [name for name, run in self.runs.items() if run.done(self.folder)]
        costs = [cost.predict_seconds for name in done if (cost := self._cost(name))]
        return (len(seen) - len(done)) * sum(costs) / len(costs) if costs else 0.0

    def _cost(self, name: str) -> Cost | None:
        """What a run took; None where that is not there or cannot be read: a line about progress ends no study."""
        try:
            return Cost.load(self.folder / name / "cost.json")
        except InputError:
            return None

    def say(self, text: str) -> None:
        """A line in place of the last one, or below it off a terminal."""
        width = shutil.get_terminal_size().columns - 1
        self._print(f"\r\x1b[2K{text[:width]}" if self.live else text, end="" if self.live else "\n")

    def note(self, text: str) -> None:
        """A sentence of its own, whole, that stays."""
        self._print(f"\r\x1b[2K{text}" if self.live else text, end="\n")

    def end(self) -> None:
        """Leave the last line behind."""
        if self.live:
            self._print("", end="\n")

    def _print(self, text: str, end: str) -> None:
        if self.stream is None:
            return
        with contextlib.suppress(OSError):  # nobody reads it any more: the terminal or the pipe was closed
            print(text, end=end, file=self.stream, flush=True)

    def read(self, name: str) -> RunPace:
        """How far a run is, from the last rows of its log."""
        log = self.folder / name / "log.jsonl"
        try:
            with log.open("rb") as stream:
                stream.seek(max(0, log.stat().st_size - TAIL))
                lines = stream.read().split(b"\n")
        except OSError:
            return RunPace(0, None)
        seconds: dict[int, float] = {}
        for line in lines:
            try:  # the first line may be cut, the last one unfinished
                row = json.loads(line)
                seconds[int(row["step"])] = seconds.get(int(row["step"]), 0.0) + float(row.get("seconds") or 0.0)
            except (ValueError, KeyError, TypeError):
                continue
        if not seconds:
            return RunPace(0, None)
        return RunPace(min(max(seconds) + 1, self.steps[name]), sum(seconds.values()) / len(seconds))


def _bar(share: float) -> str:
    """``[########------------]``, in letters that every terminal and log has."""
    full = min(BAR, int(share * BAR))
    return f"[{'#' * full}{'-' * (BAR - full)}]"


def _which(done: int, running: int) -> str:
    """The trainings in progress by number: ``training 4``, ``trainings 4 and 5``, ``trainings 4 to 7``."""
    first, last = done + 1, done + running
    if running < 2:
        return f"training {first}"
    return f"trainings {first} {'and' if running == 2 else 'to'} {last}"
