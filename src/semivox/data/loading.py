"""Batches prepared ahead by worker processes; one that dies or gets stuck is named with its scan, not waited for.

How many workers there are, and whether there are any, changes no bit of a batch.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import signal
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from semivox.core import vigil
from semivox.core.batch import Batch
from semivox.core.errors import SemivoxError
from semivox.core.orphans import end_with_parent
from semivox.core.vigil import Marks, Vigil
from semivox.data.patches import Patches

AHEAD = 4
"""Batches that each worker prepares ahead."""
POLL = 1.0
"""Seconds of waiting after which the workers are looked at."""
SHARED = Path("/dev/shm")
"""Where Linux keeps the memory that processes share; containers often give it 64 MB."""


def loader(patches: Patches, start: int, stop: int, workers: int, context: str | None = None) -> Iterator[Batch]:
    """The batches of steps ``start`` to ``stop - 1``, in order; see ``Loading``."""
    return Loading(patches, workers, context).batches(start, stop)


class Loading:
    """Prepares the batches of a run in ``workers`` processes; 0: in this one.

    ``context``: how workers are started ("fork", "spawn", "forkserver"); None leaves it to the system.
    """

    def __init__(self, patches: Patches, workers: int, context: str | None = None) -> None:
        self.patches, self.context = patches, context
        self.workers, self.ahead = affordable(workers, bytes_of(patches))
        self.marks = Marks(max(self.workers, 1), multiprocessing.get_context(context))

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps ``start`` to ``stop - 1``, in order.

        Raises InputError for a scan that cannot be read, and SemivoxError naming scan and remedy if a worker dies, has
        no memory left, or shows no sign of life for some seconds.
        """
        batches, watch = iter(self._data_loader(range(start, stop))), Vigil(self.marks)
        try:
            while (batch := self._next(batches, watch)) is not None:
                if isinstance(batch, SemivoxError):
                    raise batch
                yield batch
        finally:
            del batches  # ends the workers now, not when an exception that knows this frame is forgotten

    @contextlib.contextmanager
    def faults_in_words(self) -> Iterator[None]:
        """Turns the report of a dead worker into a sentence. torch may raise it anywhere in the main thread."""
        try:
            yield
        except RuntimeError as error:
            if "DataLoader worker (pid" not in str(error):
                raise
            raise SemivoxError(self._died(error)) from error

    def _next(self, batches: Iterator[Batch | SemivoxError], watch: Vigil) -> Batch | SemivoxError | None:
        """The next batch; None after the last one."""
        while True:
            try:
                with self.faults_in_words():
                    return next(batches, None)
            except RuntimeError as error:
                if "timed out" not in str(error):
                    raise
            if found := watch.stuck():
                self.marks.end()
                raise SemivoxError(
                    f"a process that prepares a patch of {self._scan(found[1])} has neither read nor computed for "
                    f"{vigil.PATIENCE:.0f} seconds; does the drive still answer? Keep the prepared scans on a local "
                    "disk (--prepared), or use --workers 0. The same command goes on from the last checkpoint"
                )

    def _data_loader(self, steps: range) -> DataLoader[Batch | SemivoxError]:
        return DataLoader(
            _Reporting(self.patches, self.marks),
            sampler=steps,
            batch_size=None,
            num_workers=self.workers,
            collate_fn=_as_it_is,
            worker_init_fn=_start_worker,
            multiprocessing_context=self.context if self.workers else None,
            prefetch_factor=self.ahead if self.workers else None,
            timeout=POLL if self.workers else 0,
        )

    def _scan(self, task: int) -> str:
        step, index = divmod(task, self.patches.per_step)
        folder = getattr(self.patches.store, "folder", None)
        return f"scan {self.patches.names(step)[index]!r}" + (f" (prepared in {folder})" if folder else "")

    def _died(self, error: BaseException | None) -> str:
        """What a worker was at when it died, why it probably did, and what helps."""
        scans = " or ".join(sorted({self._scan(task) for task in self.marks.tasks().values()}))
        at = f" at {scans}" if scans else ""
        told = ""
        while error is not None:
            told, error = f"{told} {error}", error.__cause__ or error.__context__
        if "Bus error" in told or "shared memory" in told:
            return (
                f"a process that prepares patches{at} found no room in shared memory ({SHARED}); use --workers 0, or "
                "give a container more (docker run --shm-size=2g). The same command goes on from the last checkpoint"
            )
        return (
            f"a process that prepares patches was killed{at}, most likely for lack of memory; use fewer workers "
            "(--workers 1, or 0 for none). The same command goes on from the last checkpoint"
        )


def bytes_of(patches: Patches) -> int:
    """What the tensors of one batch take."""
    voxels = torch.Size(patches.plan.patch).numel()
    labeled = patches.labeled.per_step
    image = patches.per_step * len(patches.plan.channels) * voxels * 4
    return image + labeled * voxels * (8 + 4 * len(patches.targets))


def affordable(workers: int, batch: int) -> tuple[int, int]:
    """How many workers, and how many batches ahead for each, fit into shared memory; warns where it cuts down."""
    if workers == 0 or not SHARED.is_dir():
        return workers, AHEAD
    room = 0.8 * shutil.disk_usage(SHARED).free
    for count, ahead in ((workers, AHEAD), (workers, 1), (1, AHEAD), (1, 1)):
        if count * (ahead + 1) * batch <= room:
            break
    else:
        count, ahead = 0, AHEAD
    if (count, ahead) != (workers, AHEAD):
        warnings.warn(
            f"shared memory ({SHARED}) has room for {room / 2**20:.0f} MB of batches of {batch / 2**20:.0f} MB: "
            f"{count} of {workers} workers are used, which changes no result; give a container more "
            "(docker run --shm-size=2g)",
            stacklevel=2,
        )
    return count, ahead


class _Reporting(Dataset["Batch | SemivoxError"]):
    """Notes what the worker is at, and hands errors for people over as values, which keeps their text."""

    def __init__(self, patches: Patches, marks: Marks) -> None:
        self.patches, self.marks = patches, marks

    def __len__(self) -> int:
        return len(self.patches)

    def __getitem__(self, step: int) -> Batch | SemivoxError:
        info = get_worker_info()
        if info is None:
            return self._prepared(step)
        self.patches.tell = partial(self._note, info.id, step * self.patches.per_step)
        try:
            return self._prepared(step)
        finally:
            self.marks.done(info.id)

    def _prepared(self, step: int) -> Batch | SemivoxError:
        try:
            return self.patches[step]
        except SemivoxError as error:
            return error

    def _note(self, worker: int, first: int, index: int) -> None:
        self.marks.begin(worker, first + index)


def _as_it_is(batch: Any) -> Any:
    return batch


def _start_worker(index: int) -> None:
    """One thread a worker; Ctrl-C is the main process' to handle, which then ends its workers, as does its death."""
    end_with_parent()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
