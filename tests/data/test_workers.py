"""A worker that dies or gets stuck ends in a sentence that names its scan and the remedy, never in waiting."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys

import numpy as np
import pytest
import torch

from semivox.core.errors import SemivoxError
from semivox.core.processes import pool
from semivox.core.processes import watchdog as vigil
from semivox.core.processes.pool import each
from semivox.data.batches import loading
from semivox.data.batches import workers as crew
from semivox.data.batches.loading import Loading, loader
from tests.core.processes.liveness import ended
from tests.data.deeds import deed
from tests.data.memory_store import MemoryStore, equal, make

OFTEN = 0.2
"""Seconds between looks in these tests."""


class Fatal(MemoryStore):
    """Scans of which one ends or stops the process that reads it, unless that is the test's own."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.owner = number, os.getpid()

    def case(self, name: str, label: bool):
        if name == "v" and os.getpid() != self.owner:
            faulthandler.disable()
            os.kill(os.getpid(), self.number)
        return super().case(name, label)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(vigil, "PATIENCE", 2.0)
    monkeypatch.setattr(loading, "POLL", OFTEN)
    monkeypatch.setattr("semivox.core.processes.pool.POLL", OFTEN)


SAID = {
    signal.SIGKILL: r"scan 'v'.*was killed.*memory.*--workers",
    signal.SIGSTOP: r"scan 'v'.*done nothing.*--workers 0",
    signal.SIGBUS: r"scan 'v'.*bus error.*Prepare the scans again",
    signal.SIGSEGV: r"scan 'v'.*crashed \(signal 11\).*--workers 0",
}


@pytest.mark.parametrize("number", SAID, ids=lambda number: number.name)
def test_a_worker_that_ends_or_stops_is_named_with_its_scan(number):
    with pytest.raises(SemivoxError, match=SAID[number]):
        list(loader(make(Fatal(number)), 0, 12, workers=2))


class FatalWhileSending:
    """Ends or stops a worker when it has sent a part of its batch for step 3."""

    def __init__(self, number: int) -> None:
        self.number, self.send, self.write = number, crew.send, os.write

    def __call__(self, pipe, batch) -> None:
        if equal(batch, make()[3]):
            os.write = self._half
        self.send(pipe, batch)

    def _half(self, descriptor: int, content: memoryview) -> int:
        self.write(descriptor, content[: len(content) // 2])
        os.kill(os.getpid(), self.number)
        return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda number: number.name)
def test_a_worker_that_ends_or_stops_while_a_batch_is_on_its_way_is_named(monkeypatch, number):
    monkeypatch.setattr(crew, "send", FatalWhileSending(number))
    came = []
    with pytest.raises(SemivoxError, match=f"scan '{make().names(3)[-1]}'.*(killed|done nothing)"):
        came += loader(make(), 0, 12, workers=2, context="fork")
    assert len(came) == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda number: number.name)
def test_a_worker_that_ends_or_stops_before_it_has_begun_is_named(monkeypatch, number):
    monkeypatch.setattr(crew, "end_with_parent", lambda: os.kill(os.getpid(), number))
    with pytest.raises(SemivoxError, match=f"scan '{make().names(5)[0]}'.*(killed|done nothing)"):
        list(loader(make(), 5, 12, workers=2, context="fork"))


def test_no_worker_is_left_whatever_the_reader_does():
    before = set(multiprocessing.active_children())
    with pytest.raises(SemivoxError):
        list(loader(make(Fatal(signal.SIGSTOP)), 0, 12, workers=2))
    with Loading(make(), workers=2) as loading:
        batches = loading.batches(0, 12)  # held, as by the frames of an error
        next(batches)
        os.kill(loading._crew.process_of(1), signal.SIGSTOP)
    assert set(multiprocessing.active_children()) == before


def wait_for_batches(pipe) -> None:
    """A run that is about to be killed: its workers have begun, one of them is stopped."""
    with Loading(make(), workers=2) as loading:
        batches = loading.batches(0, 12)
        next(batches), next(batches)
        pids = [loading._crew.process_of(step) for step in range(2)]
        os.kill(pids[0], signal.SIGSTOP)
        pipe.send(pids)
        signal.pause()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux'")
def test_workers_end_with_a_killed_reader_also_stopped_ones():
    ours, theirs = multiprocessing.Pipe()
    reader = multiprocessing.get_context("fork").Process(target=wait_for_batches, args=(theirs,))
    reader.start()
    pids = ours.recv()
    reader.kill()
    reader.join()
    assert ended(*pids)


def test_requests_to_stop_that_reach_workers_too_end_none():
    with Loading(make(), workers=2) as loading:
        count = 0
        for _ in loading.batches(0, 12):
            count += 1
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
                os.kill(loading._crew.process_of(count - 1), number)
    assert count == 12


def test_workers_need_no_shared_memory(monkeypatch):
    """As where /dev/shm is full: no semaphore can be made there, and no memory of a tensor."""

    def full(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr("multiprocessing.synchronize._multiprocessing.SemLock", full)
    monkeypatch.setattr("multiprocessing.heap.Arena._dir_candidates", [])
    monkeypatch.setattr(torch.UntypedStorage, "_share_fd_cpu_", full)
    monkeypatch.setattr(torch.UntypedStorage, "_share_filename_cpu_", full)
    assert all(equal(one, make()[step]) for step, one in enumerate(loader(make(), 0, 4, workers=2, context="fork")))


def test_without_workers_the_same_scans_are_read():
    assert len(list(loader(make(Fatal(signal.SIGKILL)), 0, 12, workers=0))) == 12


class Greedy(MemoryStore):
    """A scan for which there is no memory."""

    def case(self, name: str, label: bool):
        if name == "v":
            np.empty(1 << 60, np.uint8)
        return super().case(name, label)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_worker_without_memory_says_at_which_scan(workers):
    with pytest.raises(SemivoxError, match=r"no memory .*scan 'v'.*--workers 0"):
        list(loader(make(Greedy()), 0, 12, workers))


def test_a_pool_gives_every_result_with_its_index():
    assert sorted(each(deed, [0, 1, 2, 5], 2, str)) == [(0, 0), (1, 2), (2, 4), (3, 10)]
    assert list(each(deed, [0, 1, 2], 0, str)) == [(0, 0), (1, 2), (2, 4)]


@pytest.mark.parametrize(
    ("fatal", "said"), [(3, r"killed while it worked on case 3,.*--workers"), (4, r"at case 4 has done nothing")]
)
def test_a_pool_names_the_task_that_ended_or_stopped_its_worker(fatal, said):
    with pytest.raises(SemivoxError, match=said):
        list(each(deed, [0, 1, fatal, 2, 5], 2, lambda task: f"case {task}"))


class Late:
    """A process whose end is known before its exit code."""

    def __init__(self, code: int, after: int) -> None:
        self.code, self.after = code, after

    @property
    def exitcode(self) -> int | None:
        self.after -= 1
        return None if self.after >= 0 else self.code


def test_the_task_of_a_worker_that_died_is_known_once_its_exit_code_is():
    """On a busy machine the code comes late, and the tasks of all workers were named."""
    dead, ended = Late(-signal.SIGKILL, 5), Late(-signal.SIGTERM, 2)
    dead.pid, ended.pid = 1, 2
    pool._await_exit_codes([ended, dead])
    assert pool._last_words({1: 3, 2: 1}, [ended, dead]) == [3]
