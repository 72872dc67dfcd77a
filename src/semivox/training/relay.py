"""Carries what the first of several processes tells about a run to who listens in the process that started them."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from semivox.core.processes.launcher import first_process, launched
from semivox.training.reporter import Reporter, Silent

POLL = 0.1
"""Seconds between looks at whether the processes have ended."""
PATIENCE = 5.0
"""Seconds for the last words; a process that was killed in the middle of a word never ends it."""


class Relay:
    """A reporter that travels to another process: whoever listens (a terminal, a notebook) stays where it is."""

    def __init__(self, line: Connection) -> None:
        self.line = line

    def begin(self, title: str, start: int, steps: int) -> None:
        """Carry it."""
        self._tell("begin", title, start, steps)

    def step(self, done: int, terms: Mapping[str, float], rate: float) -> None:
        """Carry it."""
        self._tell("step", done, dict(terms), rate)

    def warn(self, text: str) -> None:
        """Carry it."""
        self._tell("warn", text)

    def end(self) -> None:
        """Carry it."""
        self._tell("end")

    def _tell(self, name: str, *values: Any) -> None:
        with suppress(OSError):  # nobody listens any more
            self.line.send((name, values))


@contextmanager
def relayed(reporter: Reporter) -> Iterator[Reporter]:
    """A reporter for processes that are about to be started; what they tell reaches ``reporter`` here.

    Of processes that a launcher has started, the first one tells it itself, and the others nobody.
    """
    if launched() is not None:
        yield reporter if first_process() else Silent()
        return
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    ended = threading.Event()

    def listen() -> None:
        with suppress(EOFError, OSError):
            while not ended.is_set() or receiver.poll():
                if receiver.poll(POLL):
                    name, values = receiver.recv()
                    getattr(reporter, name)(*values)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield Relay(sender)
    finally:
        ended.set()
        listener.join(PATIENCE)
        sender.close()
