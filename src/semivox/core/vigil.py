"""What each worker process is at, so that one that dies or stops getting anywhere can be named with its task."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from multiprocessing.context import BaseContext
from typing import Any

import psutil

PATIENCE = 8.0
"""Seconds without any sign of life (computing, reading) at a task after which a worker is taken for stuck."""


class Marks:
    """A note per worker in memory that all processes share: its process, and the number of the task it is at."""

    def __init__(self, workers: int, context: BaseContext) -> None:
        self.notes: Any = context.RawArray("q", 2 * workers)
        self.seats: Any = context.Value("i", 0)

    def sit_down(self) -> int:
        """A number for a worker that does not know which one it is."""
        with self.seats.get_lock():
            self.seats.value += 1
            return int(self.seats.value) - 1

    def begin(self, worker: int, task: int) -> None:
        """The calling process begins a task."""
        self.notes[2 * worker] = os.getpid()
        self.notes[2 * worker + 1] = task + 1

    def done(self, worker: int) -> None:
        """It is done with it."""
        self.notes[2 * worker + 1] = 0

    def tasks(self) -> dict[int, int]:
        """Process -> the task it is at, or was at when it died; none for idle ones."""
        notes = list(self.notes)
        return {pid: task - 1 for pid, task in zip(notes[::2], notes[1::2], strict=True) if task}

    def end(self) -> None:
        """End every worker that ever began a task: politely, and by force what is left after a second."""
        pids = set(list(self.notes)[::2]) - {0}
        for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGKILL):
            deadline = time.monotonic() + (1.0 if number == signal.SIGKILL else 0.0)
            while any(map(running, pids)) and time.monotonic() < deadline:
                time.sleep(0.02)
            for pid in filter(running, pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


class Vigil:
    """Watches marked processes for signs of life: a slow one reads or computes, a stuck one does neither."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.seen: dict[int, tuple[object, float]] = {}

    def stuck(self) -> tuple[int, int] | None:
        """Process and task of a worker that has been at one task without a sign of life for ``PATIENCE`` seconds."""
        now, tasks = time.monotonic(), self.marks.tasks()
        for pid, task in tasks.items():
            sign = (task, signs(pid))
            if pid not in self.seen or self.seen[pid][0] != sign:
                self.seen[pid] = sign, now
            elif now - self.seen[pid][1] > PATIENCE:
                return pid, task
        self.seen = {pid: seen for pid, seen in self.seen.items() if pid in tasks}
        return None


def signs(pid: int) -> tuple[float, ...]:
    """How much a process has computed (s) and read (bytes) so far; empty for one that is gone."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        counters = process.io_counters() if hasattr(process, "io_counters") else None
    except psutil.Error:
        return ()
    read = (float(counters.read_bytes), float(counters.read_count)) if counters else ()
    return (times.user + times.system, *read)


def running(pid: int) -> bool:
    """Whether a process exists and is more than the memory of one that ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
