"""What each worker process is at, so that one that dies or stops getting anywhere can be named with its task."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from multiprocessing.context import BaseContext
from typing import Any

import psutil

PATIENCE = 8.0
"""Seconds without any sign of life (computing, reading) at a task after which a worker is taken for stuck."""


class Marks:
    """A note per worker in memory that all processes share: its process, and the number of the task it began last."""

    def __init__(self, workers: int, context: BaseContext) -> None:
        self.notes: Any = context.RawArray("q", 2 * workers)

    def begin(self, worker: int, task: int) -> None:
        """The calling process begins a task."""
        self.notes[2 * worker] = os.getpid()
        self.notes[2 * worker + 1] = task + 1

    def task_at(self, worker: int) -> int | None:
        """The task that a worker is at, or was at last; None before its first."""
        return int(self.notes[2 * worker + 1]) - 1 if self.notes[2 * worker + 1] else None

    def tasks(self) -> dict[int, int]:
        """Process -> the task it is at, or was at last; those that began one."""
        notes = list(self.notes)
        return {pid: task - 1 for pid, task in zip(notes[::2], notes[1::2], strict=True) if task}


class Watchdog:
    """Watches processes for signs of life: a slow one reads or computes, a stuck one does neither."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[object, float]] = {}

    def stuck(self, tasks: Mapping[int, int]) -> tuple[int, int] | None:
        """Process and task of one that has been at the task without a sign of life for ``PATIENCE`` seconds.

        ``tasks``: process -> the task that is waited for.
        """
        now = time.monotonic()
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
