"""Worker processes that prepare the batches of steps, each step by one of them in turn."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from queue import SimpleQueue
from typing import Any, TypeAlias

import torch

from semivox.core.errors import SemivoxError
from semivox.core.exhaustion import exhausted
from semivox.core.processes.main_guard import require_first_run
from semivox.core.processes.parent_death import end_with_parent
from semivox.core.processes.signals import STOP
from semivox.core.processes.watchdog import Marks
from semivox.data.batches.patches import Patches
from semivox.data.batches.transport import Delivered, receive, send, widen

Deliveries: TypeAlias = "SimpleQueue[Delivered | None]"
"""What has come from a worker, in order; None after its end."""
FAREWELL = 2.0
"""Seconds for which the end of killed processes is waited for."""


class PatchWorkers:
    """The workers, and what has come from them. ``end`` (or the end of the program) kills them: they hold nothing."""

    def __init__(self, patches: Patches, size: int, context: str | None) -> None:
        require_first_run()
        self.per_step, self.size = patches.per_step, size
        self.deliveries: list[Deliveries] = [SimpleQueue() for _ in range(size)]
        self.orders: list[Connection] = []
        self.processes: list[BaseProcess] = []
        self.threads: list[threading.Thread] = []
        self.end = Finalize(self, _end, (self.processes, self.threads, self.orders), exitpriority=10)
        try:
            self._start(patches, multiprocessing.get_context(context))
        except BaseException as error:  # those that were started wait for orders, also at the end of the program
            self.end()
            if words := exhausted(error):
                raise SemivoxError(f"the processes that prepare batches cannot be started: {words}") from error
            raise

    def _start(self, patches: Patches, how: Any) -> None:
        """Start the workers, and a thread for each that listens to it."""
        self.marks = Marks(self.size, how)
        readers: list[Connection] = []
        for seat in range(self.size):
            ordered, order = how.Pipe(duplex=False)
            reader, writer = how.Pipe(duplex=False)
            widen(writer)
            process = how.Process(target=_work, args=(patches, self.marks, seat, ordered, writer), daemon=True)
            process.start()
            self.processes.append(process)
            ordered.close()
            writer.close()  # only the worker holds it now: its end is the pipe's
            self.orders.append(order)
            readers.append(reader)
        for ends in zip(readers, self.deliveries, strict=True):  # after all processes were forked
            thread = threading.Thread(target=_listen, args=ends, daemon=True)
            thread.start()
            self.threads.append(thread)

    def close(self) -> None:
        """End the workers."""
        self.end()

    def ask(self, step: int) -> None:
        """Have the next worker prepare a step. One that has died is noticed where its batch is waited for."""
        with contextlib.suppress(OSError):
            self.orders[step % self.size].send(step)

    def get(self, step: int, patience: float) -> Delivered | None:
        """The next batch of the worker that was asked for the step; None if it has died.

        Raises queue.Empty after ``patience`` seconds.
        """
        return self.deliveries[step % self.size].get(timeout=patience)

    def process_of(self, step: int) -> int:
        """The process that was asked for the step."""
        return self.processes[step % self.size].pid or 0

    def task_of(self, step: int) -> int:
        """Step * patches per step + place of the patch that this process is at, or was at last."""
        noted = self.marks.task_at(step % self.size)
        return step * self.per_step if noted is None else noted

    def exit_code_of(self, step: int) -> int | None:
        """How this process ended (-9: killed by signal 9); None if it still runs."""
        process = self.processes[step % self.size]
        process.join(FAREWELL)  # its pipe ends a moment before it does
        return process.exitcode


def _listen(pipe: Connection, deliveries: Deliveries) -> None:
    """What a thread of the main process does for each worker: the main thread never waits for a pipe."""
    with contextlib.closing(pipe):
        while True:
            try:
                deliveries.put(receive(pipe))
            except (EOFError, OSError):
                return deliveries.put(None)
            except Exception as error:  # no memory for the batch, for one
                return deliveries.put(error)


def _end(processes: Sequence[BaseProcess], threads: Sequence[threading.Thread], orders: Sequence[Connection]) -> None:
    """Kill the workers; also stopped ones end by that."""
    for process in processes:
        process.kill()
    deadline = time.monotonic() + FAREWELL
    for join in [one.join for one in processes] + [one.join for one in threads]:
        join(max(0.0, deadline - time.monotonic()))
    for order in orders:
        order.close()


def _work(patches: Patches, marks: Marks, seat: int, ordered: Connection, writer: Connection) -> None:
    """What a worker does: prepare what it is asked for, until nobody asks any more."""
    end_with_parent()
    torch.set_num_threads(1)
    for number in STOP:  # the main process answers them, also where a scheduler sends them to every process of a job
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            step = ordered.recv()
            patches.progress = partial(_note, marks, seat, step * patches.per_step)
            send(writer, _prepared(patches, step))


def _note(marks: Marks, seat: int, first: int, index: int) -> None:
    marks.begin(seat, first + index)


def _prepared(patches: Patches, step: int) -> Delivered:
    try:
        return patches[step]
    except SemivoxError as error:
        return error
    except Exception:
        return RuntimeError(f"a process that prepares patches failed:\n{traceback.format_exc()}")
