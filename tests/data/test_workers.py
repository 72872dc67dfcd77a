"""A worker that dies or gets stuck ends in a sentence that names its scan and the remedy, never in waiting."""

from __future__ import annotations

import os
import signal
import time
import warnings

import numpy as np
import pytest
import torch

from semivox.core import vigil
from semivox.core.errors import SemivoxError
from semivox.data import loading
from semivox.data.loading import AHEAD, affordable, bytes_of, loader
from semivox.data.pool import each
from tests.data.deeds import deed
from tests.data.test_patches import MemoryStore, make

OFTEN = 0.2
"""Seconds between looks in these tests."""


class Fatal(MemoryStore):
    """Scans of which one ends or stops the process that reads it, unless that is the test's own."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.owner = number, os.getpid()

    def case(self, name: str, label: bool):
        if name == "v" and os.getpid() != self.owner:
            os.kill(os.getpid(), self.number)
        return super().case(name, label)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(vigil, "PATIENCE", 1.0)
    monkeypatch.setattr(loading, "POLL", OFTEN)
    monkeypatch.setattr("semivox.data.pool.POLL", OFTEN)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, r"was killed at .*scan 'v'.*memory.*--workers"),
        # slow: a worker stopped while a batch of its was on the way can hold the reader of that batch for good
        pytest.param(signal.SIGSTOP, r"scan 'v'.*neither read nor computed.*--workers 0", marks=pytest.mark.slow),
        (signal.SIGBUS, r"scan 'v'.*no room in shared memory.*--workers 0.*--shm-size"),
    ],
    ids=["killed", "stuck", "no shared memory"],
)
def test_a_worker_that_ends_or_stops_is_named_with_its_scan_in_time(number, said):
    began = time.monotonic()
    with pytest.raises(SemivoxError, match=said):
        list(loader(make(Fatal(number)), 0, 12, workers=2))
    assert time.monotonic() - began < 10


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


def test_a_batch_takes_what_is_forecast():
    patches = make()
    batch = patches[0]
    assert bytes_of(patches) == batch.image.nbytes + batch.label.nbytes  # the rest is a few numbers a patch


@pytest.mark.parametrize(("free", "expected"), [(10**9, (2, AHEAD)), (130, (2, 1)), (80, (1, 1)), (20, (0, AHEAD))])
def test_little_shared_memory_means_fewer_workers(monkeypatch, free, expected):
    monkeypatch.setattr(loading.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert affordable(2, batch=25) == expected
    assert bool(caught) == (expected != (2, AHEAD))
    assert all("changes no result" in str(item.message) for item in caught)


def test_few_batches_in_shared_memory_are_the_same_batches(monkeypatch):
    monkeypatch.setattr(loading, "affordable", lambda workers, batch: (1, 1))
    there = list(loader(make(), 0, 4, workers=2))
    assert all(torch.equal(one.image, make()[step].image) for step, one in enumerate(there))


def test_a_pool_gives_every_result_with_its_index():
    assert sorted(each(deed, [0, 1, 2, 5], 2, str)) == [(0, 0), (1, 2), (2, 4), (3, 10)]
    assert list(each(deed, [0, 1, 2], 0, str)) == [(0, 0), (1, 2), (2, 4)]


@pytest.mark.parametrize(
    ("fatal", "said"), [(3, r"killed while it worked on case 3,.*--workers"), (4, r"at case 4 has neither")]
)
def test_a_pool_names_the_task_that_ended_or_stopped_its_worker(fatal, said):
    with pytest.raises(SemivoxError, match=said):
        list(each(deed, [0, 1, fatal, 2, 5], 2, lambda task: f"case {task}"))
