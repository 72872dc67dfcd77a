"""A live line about a run: step, losses, rate, time left, memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Protocol, TextIO

import psutil


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
        self.began = self.said = 0.0
        self.process = psutil.Process()

    def begin(self, title: str, start: int, steps: int) -> None:
        """Remember when and where the run started."""
        self.title, self.start, self.steps = title, start, steps
        self.began = self.said = time.monotonic()
        if start:
            print(f"{title}: resuming at step {start} of {steps}", file=self.stream)

    def step(self, done: int, terms: Mapping[str, float], rate: float) -> None:
        """Say how it goes, not more often than ``every`` seconds."""
        now = time.monotonic()
        if now - self.said < self.every and done < self.steps:
            return
        self.said = now
        speed = (done - self.start) / max(now - self.began, 1e-6)
        left = clock((self.steps - done) / speed) if speed else "?"
        losses = " ".join(f"{name} {value:.4f}" for name, value in terms.items())
        memory = sum(p.memory_info().rss for p in [self.process, *self.process.children(recursive=True)]) / 2**30
        text = (
            f"{self.title}: step {done}/{self.steps} | {losses} | lr {rate:.2g} | "
            f"{speed:.2f} steps/s | {left} left | {memory:.1f} GB"
        )
        print(f"\r\x1b[2K{text}" if self.live else text, end="" if self.live else "\n", file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        """A line of its own, above the one that is rewritten."""
        clear = "\r\x1b[2K" if self.live else ""
        print(f"{clear}{self.title}: warning: {text}", file=self.stream, flush=True)

    def end(self) -> None:
        """Leave the line behind."""
        if self.live:
            print(file=self.stream)


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
