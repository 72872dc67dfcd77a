"""How a long command tells a person where it is: sentences, bars, and a live line while it trains."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from semivox.training.reporter import Reporter

Count = Callable[[int, int], None]
"""Called with (done, total)."""
REDRAW = 0.1
"""Seconds between two drawings of a bar."""


class ProgressDisplay(Protocol):
    """Who is told how things go."""

    stream: TextIO | None
    """Where a live line about many trainings is written; None: nowhere."""

    def say(self, text: str) -> None:
        """A sentence about what begins or has come out."""

    @contextmanager
    def bar(self, title: str) -> Iterator[Count]:
        """Something that is counted while it lasts."""
        yield lambda done, total: None

    def reporter(self) -> Reporter:
        """Who listens to a training run."""


class Quiet:
    """Tells nobody; the default of the Python interface."""

    stream: TextIO | None = None

    def say(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def bar(self, title: str) -> Iterator[Count]:
        """Nothing."""
        yield lambda done, total: None

    def reporter(self) -> Reporter:
        """One who does not listen."""
        from semivox.training.reporter import Silent

        return Silent()


class Terminal:
    """Tells the person at the terminal, on stderr, so that stdout stays free for results."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False)
        self.stream: TextIO | None = sys.stderr

    def say(self, text: str) -> None:
        """The sentence, as it is."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, title: str) -> Iterator[Count]:
        """A bar with a count and the time left; off a terminal, one line at the end."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
        from rich.table import Column
        from rich.text import Text

        from semivox.training.durations import duration

        class TimeLeft(ProgressColumn):
            """In words; nothing before it is known, and nothing at the end."""

            def render(self, task: Task) -> Text:
                """``12 min left``."""
                left = None if task.finished else task.time_remaining
                return Text("" if left is None else f"{duration(left)} left")

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeLeft(Column(no_wrap=True)))
        # No thread that draws by itself: a process with one could not start others as copies (core.processes.starting).
        with Progress(*columns, console=self.console, auto_refresh=False) as progress:
            task, drawn = progress.add_task(title, total=None), [0.0]

            def count(done: int, total: int) -> None:
                now = monotonic()
                show = done >= total or now - drawn[0] >= REDRAW
                drawn[0] = now if show else drawn[0]
                progress.update(task, completed=done, total=total, refresh=show)

            try:
                yield count
            finally:
                if progress.tasks[0].total is None:  # an error before anything was counted leaves no empty bar behind
                    progress.remove_task(task)

    def reporter(self) -> Reporter:
        """The live line."""
        from semivox.training.reporter import ProgressLine

        return ProgressLine()
