"""The same work on many scans, in processes: none is waited for in vain, and a scan that kills its worker is named."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from semivox.core.errors import SemivoxError
from semivox.core.exhaustion import exhausted
from semivox.core.processes import watchdog
from semivox.core.processes.main_guard import raise_if_unguarded, require_first_run
from semivox.core.processes.parent_death import end_with_parent
from semivox.core.processes.signals import TERMINATE
from semivox.core.processes.starting import forkable
from semivox.core.processes.watchdog import Marks, Watchdog

T = TypeVar("T")
R = TypeVar("R")
PATIENCE = 10.0
"""Seconds for which the exit code of a worker that has died is waited for."""
ENDED_BY_US = (None, 0, -signal.SIGTERM)
"""Exit codes of workers that run, or were told to end."""
POLL = 1.0
"""Seconds between looks at the workers."""

_seat: tuple[Marks, int] | None = None
"""In a worker: where it notes what it is at."""


class WorkerDied(SemivoxError):
    """A worker has ended by itself. ``tasks``: the numbers of those that it, or they, were at; may be empty."""

    def __init__(self, said: str, tasks: Sequence[int]) -> None:
        super().__init__(said)
        self.tasks = tasks


def each(
    work: Callable[[T], R],
    tasks: Sequence[T],
    workers: int,
    name: Callable[[T], str],
    died: Callable[[T], R] | None = None,
    start: str = "spawn",
) -> Iterator[tuple[int, R]]:
    """(index, result) of every task, as they come; ``workers`` 0 or a single task: here and in order.

    An error of a task is raised as it is. A task whose worker dies is tried once more, alone, since memory may have
    been short beside others; if it dies again, ``died(task)`` is its result, and the others go on. Without ``died``,
    raises SemivoxError with ``name(task)`` at once; so it does, with and without, if a worker shows no sign of life for
    some seconds (a drive that no longer answers). Nothing is waited for after an error. ``start``: how processes are
    started; "fork" only where ``starting.forkable()``.
    """
    if workers < 1 or (len(tasks) < 2 and died is None):
        yield from ((index, work(task)) for index, task in enumerate(tasks))
        return
    left = dict(enumerate(tasks))
    while left:
        try:
            for index, result in _answers(work, left, workers, name, start):
                del left[index]
                yield index, result
        except WorkerDied as death:
            if died is None or not death.tasks:
                raise
            for index in death.tasks:
                task = left.pop(index)
                try:
                    yield from _answers(work, {index: task}, 1, name, start)
                except WorkerDied as again:
                    if not again.tasks:
                        raise
                    yield index, died(task)


def _answers(
    work: Callable[[T], R], tasks: Mapping[int, T], workers: int, name: Callable[[T], str], start: str
) -> Iterator[tuple[int, R]]:
    """(number, result) of the tasks, in one set of processes. Raises WorkerDied, and SemivoxError for a stuck one."""
    require_first_run()
    context = multiprocessing.get_context(start if forkable() else "spawn")
    count = min(workers, len(tasks))
    marks, seats = Marks(count, context), context.Value("i", 0)
    processes: Sequence[Any] = []
    answered = set[int]()
    others = {process.pid for process in multiprocessing.active_children()}
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_sit_down, initargs=(marks, seats))
    try:
        with _all_or_none(others):
            index_of = {pool.submit(_noted, work, task, index): index for index, task in list(tasks.items())}
        processes = [process for process in multiprocessing.active_children() if process.pid not in others]
        pending, watch = set(index_of), Watchdog()
        while pending:
            finished, pending = wait(pending, POLL, FIRST_COMPLETED)
            for future in finished:
                result = future.result()
                answered.add(index_of[future])
                yield index_of[future], result
            if not finished and (found := watch.stuck(_unanswered(marks, answered))):
                for process in processes:
                    process.kill()
                raise SemivoxError(_stuck(name(tasks[found[1]])))
    except BrokenProcessPool as error:
        _await_exit_codes(processes)
        for process in processes:  # also one that was stopped, which the end of the pool would wait for
            process.kill()
        raise_if_unguarded(process.exitcode for process in processes)
        found_at = _last_words(_unanswered(marks, answered), processes)
        raise WorkerDied(_died([name(tasks[index]) for index in found_at]), found_at) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _all_or_none(others: Collection[int | None]) -> Iterator[None]:
    """Where not all workers can be started, end those that were: nobody would give them work or wait for them.

    Raises SemivoxError in words where the machine is used up.
    """
    try:
        yield
    except BaseException as error:
        for process in multiprocessing.active_children():
            if process.pid not in others:
                process.kill()
                process.join()
        if words := exhausted(error):
            raise SemivoxError(f"the processes that read scans cannot be started: {words}") from error
        raise


def _unanswered(marks: Marks, answered: set[int]) -> dict[int, int]:
    """Process -> its task, of those whose result has not arrived, be it not yet computed or on its way."""
    return {pid: task for pid, task in marks.tasks().items() if task not in answered}


def _sit_down(marks: Marks, seats: Any) -> None:
    """What a worker does first. Ctrl-C is the main process' to handle."""
    global _seat
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in TERMINATE:  # the answers of a command that has forked are not this process' to give
        signal.signal(number, signal.SIG_DFL)
    with seats.get_lock():
        _seat = marks, int(seats.value)
        seats.value += 1


def _noted(work: Callable[[Any], R], task: Any, index: int) -> R:
    assert _seat is not None
    marks, seat = _seat
    marks.begin(seat, index)
    return work(task)


def _await_exit_codes(processes: Sequence[Any]) -> None:
    """Wait until it is known which worker died by itself: the pool notices it before the system has told its code."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        codes = [process.exitcode for process in processes]
        if None not in codes or any(code not in ENDED_BY_US for code in codes):
            return
        time.sleep(0.01)


def _last_words(tasks: Mapping[int, int], processes: Sequence[Any]) -> list[int]:
    """The tasks of those workers that died by themselves; of all if that cannot be told."""
    dead = [process.pid for process in processes if process.exitcode not in ENDED_BY_US]
    return sorted({tasks[pid] for pid in dead if pid in tasks} or set(tasks.values()))


def _died(names: Sequence[str]) -> str:
    at = f" while it worked on {' or '.join(names)}" if names else ""
    return f"a worker was killed{at}, most likely for lack of memory; use fewer workers (--workers 1, or 0 for none)"


def _stuck(name: str) -> str:
    return (
        f"a worker at {name} has done nothing for {watchdog.PATIENCE:.0f} seconds; "
        "is the drive still reachable? Copy the scans to a local disk, or use --workers 0"
    )
