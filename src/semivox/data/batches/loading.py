"""Batches prepared ahead by worker processes; one that dies or gets stuck is named with its scan, not waited for.

How many workers there are, and whether there are any, changes no bit of a batch.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from types import TracebackType

from semivox.core.batch import Batch
from semivox.core.errors import SemivoxError
from semivox.core.processes import watchdog as vigil
from semivox.core.processes.main_guard import raise_if_unguarded
from semivox.core.processes.signals import BUS, KILL
from semivox.core.processes.watchdog import Watchdog
from semivox.data.batches.patches import Patches
from semivox.data.batches.workers import PatchWorkers

AHEAD = 2
"""Batches that each worker prepares ahead."""
POLL = 1.0
"""Seconds of waiting after which the worker that is waited for is looked at."""


def loader(patches: Patches, start: int, stop: int, workers: int, context: str | None = None) -> Iterator[Batch]:
    """The batches of steps ``start`` to ``stop - 1``, in order; see ``Loading``."""
    with Loading(patches, workers, context) as loading:
        yield from loading.batches(start, stop)


class Loading:
    """Prepares the batches of a run in ``workers`` processes; 0: in this one.

    ``context``: how workers are started ("fork", "spawn", "forkserver"); None leaves it to the system. Leaving the
    ``with`` block ends them.
    """

    def __init__(self, patches: Patches, workers: int, context: str | None = None) -> None:
        self.patches, self.workers, self.context = patches, workers, context
        self._crew: PatchWorkers | None = None

    def __enter__(self) -> Loading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._crew is not None:
            self._crew.end()

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps ``start`` to ``stop - 1``, in order.

        Raises InputError for a scan that cannot be read, and SemivoxError naming scan and remedy if a worker dies, has
        no memory left, or shows no sign of life for some seconds.
        """
        if not self.workers:
            yield from (self.patches[step] for step in range(start, stop))
            return
        self._crew = crew = PatchWorkers(self.patches, min(self.workers, max(stop - start, 1)), self.context)
        with contextlib.closing(crew):
            for step in range(start, min(start + AHEAD * crew.size, stop)):
                crew.ask(step)
            for step in range(start, stop):
                yield self._delivered(crew, step)
                if step + AHEAD * crew.size < stop:
                    crew.ask(step + AHEAD * crew.size)

    def _delivered(self, crew: PatchWorkers, step: int) -> Batch:
        """The batch of a step, watching the worker that has been asked for it: no other one is needed now."""
        watch = Watchdog()
        while True:
            try:
                delivered = crew.get(step, POLL)
            except queue.Empty:
                if watch.stuck({crew.process_of(step): crew.task_of(step)}):
                    raise SemivoxError(self._stuck(crew.task_of(step))) from None
                continue
            if delivered is None:
                raise_if_unguarded([crew.exit_code_of(step)])
                raise SemivoxError(self._died(crew.task_of(step), crew.exit_code_of(step)))
            if isinstance(delivered, Exception):
                raise delivered
            return delivered

    def _scan(self, task: int) -> str:
        step, index = divmod(task, self.patches.per_step)
        folder = getattr(self.patches.store, "folder", None)
        return f"scan {self.patches.names(step)[index]!r}" + (f" (prepared in {folder})" if folder else "")

    def _stuck(self, task: int) -> str:
        return (
            f"a process that prepares a patch of {self._scan(task)} has done nothing for "
            f"{vigil.PATIENCE:.0f} seconds; is the drive still reachable? Keep the prepared scans on a local "
            "disk (--prepared), or use --workers 0. Run the same command again to resume from the last checkpoint"
        )

    def _died(self, task: int, code: int | None) -> str:
        """What a worker was at when it died, why it probably did, and what helps."""
        who, on = f"a process that prepares a patch of {self._scan(task)}", "resumes from the last checkpoint"
        if code == -BUS:
            return (
                f"{who} lost the file that it was reading (bus error): the prepared scan became shorter, or its drive "
                f"failed. Prepare the scans again, on a local disk (--prepared); the same command {on}"
            )
        if code is None or code == -KILL:
            return (
                f"{who} was killed, most likely for lack of memory; use fewer workers (--workers 1, or 0 for none). "
                f"The same command {on}"
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return (
            f"{who} crashed ({how}); --workers 0 shows where. Without that scan, or with its file fixed, training {on}"
        )
