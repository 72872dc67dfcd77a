"""Being asked to stop: Ctrl-C, or a scheduler's signal. The step in hand is finished and saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from semivox.core.processes.signals import STOP


class StopRequest:
    """Whether someone asked this process to stop."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take note of signals instead of dying of them; a second Ctrl-C interrupts at once.

        Outside the main thread nothing is changed: Python delivers signals there only.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in STOP}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
