"""A live line about a run: step, losses, rate, time left, memory."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Protocol, TextIO

import psutil

from semivox.training.durations import duration

LATE = 120.0
"""Seconds back to which the speed is measured."""


class Reporter(Protocol):
    """Who wants to hear how a run goes."""

    def begin(self, title: str, start: int, steps: int) -> None:
        """A run starts at step ``start`` of ``steps``."""

    def step(self, done: int, terms: Mapping[str, float], rate: float) -> None:
        """``done`` steps are complete; losses by name and the learning rate of the last."""

    def warn(self, text: str) -> None:
        """Something about the run's health should be known."""

    def end(self) -> None:
        """The run is over, or stops."""


class Silent:
    """Says nothing."""

    def begin(self, title: str, start: int, steps: int) -> None:
        """Nothing."""

    def step(self, done: int, terms: Mapping[str, float], rate: float) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing: it stands in warnings.jsonl."""

    def end(self) -> None:
        """Nothing."""


class ProgressLine:
    """One line that is rewritten on a terminal; elsewhere (a file, a queue) a new line every half minute."""

    def __init__(self, stream: TextIO | None = None, every: float | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.every = every if every is not None else (0.5 if self.live else 30.0)
        self.title, self.start, self.steps = "", 0, 0
        self.said = 0.0
        self.recent: deque[tuple[float, int]] = deque()  # when so many steps were done
        self.process = psutil.Process()

    def begin(self, title: str, start: int, steps: int) -> None:
        """Remember when and where the run started."""
        self.title, self.start, self.steps = title, start, steps
        self.said = time.monotonic()
        self.recent = deque([(self.said, start)])
        if start:
            print(f"{title}: resuming at step {start} of {steps}", file=self.stream)

    def step(self, done: int, terms: Mapping[str, float], rate: float) -> None:
        """Say how it goes, not more often than ``every`` seconds."""
        now = time.monotonic()
        if now - self.said < self.every and done < self.steps:
            return
        self.said = now
        speed = self._speed(now, done)
        left = f"{duration((self.steps - done) / speed)} left" if speed else "time left not known yet"
        losses = " ".join(f"{name} {value:.4f}" for name, value in terms.items())
        memory = sum(p.memory_info().rss for p in [self.process, *self.process.children(recursive=True)]) / 2**30
        text = (
            f"{self.title}: step {done}/{self.steps} | {losses} | lr {rate:.2g} | "
            f"{speed:.2f} steps/s | {left} | {memory:.1f} GB"
        )
        print(f"\r\x1b[2K{text}" if self.live else text, end="" if self.live else "\n", file=self.stream, flush=True)

    def _speed(self, now: float, done: int) -> float:
        """Steps a second of late, so that the time left follows a machine that becomes busy or quiet."""
        self.recent.append((now, done))
        while len(self.recent) > 2 and now - self.recent[1][0] > LATE:
            self.recent.popleft()
        then, before = self.recent[0]
        return (done - before) / max(now - then, 1e-6)

    def warn(self, text: str) -> None:
        """A line of its own, above the one that is rewritten."""
        clear = "\r\x1b[2K" if self.live else ""
        print(f"{clear}{self.title}: warning: {text}", file=self.stream, flush=True)

    def end(self) -> None:
        """Leave the line behind."""
        if self.live:
            print(file=self.stream)
