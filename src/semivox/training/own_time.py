"""How long something takes, and how long it would take if no other program used the processor.

A thread that is ready to run and waits for a core loses time to other programs. Linux counts that time for each
thread (/proc/self/task/N/schedstat, the second number, in ns); what is left of the clock's time is the program's own.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from semivox.training.durations import NOTEWORTHY

TASKS = Path("/proc/self/task")
SAMPLE = 0.2
"""Seconds that threads compute together, to see whether each has a core."""
FEWEST = 8
"""A measurement takes at least this part of all threads, one in so many: with fewer a step may take too long."""


class Elapsed(NamedTuple):
    """Seconds that something took."""

    clock: float
    """By the clock on the wall."""
    own: float
    """Without the time that this process waited for a core; as by the clock where the system does not count that."""
    waited: float = 0.0
    """The longest that one of its threads waited for a core."""

    @property
    def disturbed(self) -> bool:
        """Whether other programs took noteworthy time from one of the threads."""
        return self.clock > NOTEWORTHY * (self.clock - self.waited)


class OwnTime:
    """Starts when it is made; ``elapsed()`` is read once the device has finished what it was given."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        _finish(device)
        self.waits, self.computed, self.begin = _waits(), time.process_time(), time.perf_counter()

    def elapsed(self) -> Elapsed:
        """Seconds since the beginning.

        Threads that compute together wait for the slowest of them, so the longest wait is what the whole lost. All
        threads together cannot have computed more than the cores allow, which bounds the result from below.
        """
        _finish(self.device)
        clock = time.perf_counter() - self.begin
        if self.device.type != "cpu":
            return Elapsed(clock, clock)
        computed = time.process_time() - self.computed
        lost = max((waited - self.waits.get(name, 0.0) for name, waited in _waits().items()), default=0.0)
        least = min(clock, computed / (os.cpu_count() or 1))
        return Elapsed(clock, max(clock - lost, least), min(lost, clock))


@contextlib.contextmanager
def on_free_cores(device: torch.device, disturbed: Callable[[], bool] | None = None) -> Iterator[int]:
    """During the block, torch computes with as many threads as find a core each; yields their number.

    Threads that compute together wait for the last of them by counting, which no clock tells from computing. So where
    other programs take a core from one, what all would take alone cannot be measured; what fewer take can, and all take
    that or less. ``disturbed``: whether the threads are now; by default, a sample of ``SAMPLE`` seconds tells.
    """
    everyone = threads = torch.get_num_threads()
    if device.type == "cpu":
        while threads > max(1, everyone // FEWEST) and (disturbed or _sampled)():
            threads //= 2
            torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(everyone)


def _sampled() -> bool:
    """Whether threads that compute together for a moment are disturbed."""
    numbers = torch.zeros(2**20)
    numbers.add_(1)  # starts the threads
    watch = OwnTime(numbers.device)
    end = time.perf_counter() + SAMPLE
    while time.perf_counter() < end:
        numbers.add_(1)
    return watch.elapsed().disturbed


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _waits() -> dict[str, float]:
    """Thread -> seconds it has waited for a core since it was started; empty where the system does not say."""
    found = {}
    try:
        threads = list(TASKS.iterdir())
    except OSError:
        return {}
    for thread in threads:
        try:
            found[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):  # it has ended, or the system does not count
            continue
    return found
