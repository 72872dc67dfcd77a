"""Where the system allows no further file, process or thread, or no memory, a sentence ends it, and nothing hangs."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import sys
import threading
from pathlib import Path

import pytest

from semivox.cli import exit_code
from semivox.core.errors import SemivoxError
from semivox.data.batches.loading import loader
from tests import corpus, faults
from tests.data.memory_store import MemoryStore, make


class NoMore:
    """A way to start processes that allows so many and no more."""

    def __init__(self, real, most: int, error: Exception) -> None:
        self.real, self.left, self.error, self.started = real, most, error, []

    def __getattr__(self, name):
        return getattr(self.real, name)

    def Process(self, **given):  # noqa: N802 - multiprocessing's own name
        process = self.real.Process(**given)
        start = process.start

        def limited() -> None:
            if not self.left:
                raise self.error
            self.left -= 1
            self.started.append(process)
            start()

        process.start = limited
        return process


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "no further process or thread"),
        (OSError(errno.EMFILE, "Too many open files"), "too many files are open"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory of this machine is used up"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_where_not_all_workers_can_be_started_none_is_left(monkeypatch, error, said):
    """They would be waited for at the end of the program, for ever: nobody gives them work."""
    limited = NoMore(multiprocessing.get_context("fork"), 1, error)
    monkeypatch.setattr(multiprocessing, "get_context", lambda name=None: limited)
    with pytest.raises(SemivoxError, match=said):
        next(loader(make(MemoryStore()), 0, 6, 2))
    (process,) = limited.started
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


def test_where_no_thread_can_be_started_no_worker_is_left(monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    before = set(multiprocessing.active_children())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        with pytest.raises(SemivoxError, match="no further process or thread"):
            next(loader(make(MemoryStore()), 0, 6, 2))
    assert set(multiprocessing.active_children()) <= before


def short_of_files(room: int, place: Path, words: tuple[str, ...]) -> None:
    """A command that may open so many files more than it has, in a process of its own; what it says is kept."""
    os.chdir(place)
    os.dup2(os.open("said", os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    held = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + room,) * 2)
    sys.exit(exit_code(words))


@pytest.mark.parametrize("room", [1, 4, 12])
def test_too_many_open_files_end_in_a_sentence_and_no_process_waits(tmp_path, room):
    corpus.good(tmp_path / "scans")
    words = ("train", "scans", "-o", "run", "--method", "supervised", "--steps", "2", "--workers", "4", "--device",
             "cpu", "--precision", "32-true", "--set", "plan.patch=[16,16,16]", "--readers", "2",
             "--set", "plan.spacing=[1.5,1.5,1.5]", "--set", "plan.channels_last=false")  # fmt: skip
    process = faults.start(short_of_files, room, tmp_path, words)
    process.join(300)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert process.exitcode in (1, 2), said
    assert "Traceback" not in said
    assert "too many" in said.lower()
