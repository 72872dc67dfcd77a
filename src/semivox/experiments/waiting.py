"""What runs wait for that no machine has begun with: said once it lasts, and now and then while it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from semivox.experiments.executor import Started

FIRST = 20.0
"""Seconds after which a wait is worth a sentence: a process of a cluster takes some to begin."""
AGAIN = 600.0
"""Seconds until the same sentence is said again."""


class Waiting:
    """Says each reason to wait when it has lasted for ``FIRST`` seconds, and every ``AGAIN`` seconds from then on."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.due = say, dict[str, float]()

    def look(self, running: Iterable[Started]) -> None:
        """Ask those that were started; ``running``: all that have not ended."""
        now, reasons = time.monotonic(), {reason for started in running if (reason := started.waits())}
        self.due = {reason: self.due.get(reason, now + FIRST) for reason in sorted(reasons)}
        for reason, due in self.due.items():
            if now >= due:
                self.due[reason] = now + AGAIN
                self.say(f"{reason}. Ctrl-C stops; the same command resumes from here.")
