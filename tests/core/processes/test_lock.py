"""One process at a time works on a folder, and however it dies, the next one gets it at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from semivox.core.errors import InputError
from semivox.core.processes.claims import Claims
from semivox.core.processes.lock import locked
from tests.core.processes.liveness import alive, ended

HOLDER = """
import os, sys, time
from pathlib import Path
from semivox.core.processes.lock import locked
from semivox.core.processes.parent_death import end_with_parent

with locked(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        if sys.argv[2] == "obedient":
            end_with_parent()
        print("ready", os.getpid(), flush=True)
        time.sleep(600)
        os._exit(0)
    time.sleep(600)
"""


def holder(folder, child: str) -> tuple[subprocess.Popen, int]:
    """A process that holds the folder, and the number of the child it forked while holding it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), child], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    return process, int(process.stdout.readline().split()[1])


def test_a_worker_that_outlives_a_killed_process_does_not_keep_its_folder(tmp_path):
    process, child = holder(tmp_path, "orphan")
    try:
        with pytest.raises(InputError, match=f"another process is working on .*process {process.pid}"):
            with locked(tmp_path):
                pass
        process.kill()
        process.wait()
        assert alive(child)
        with locked(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux'")
def test_a_worker_ends_with_the_process_that_started_it(tmp_path):
    process, child = holder(tmp_path, "obedient")
    process.kill()
    process.wait()
    assert ended(child)


def test_one_process_cannot_hold_a_folder_twice(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with locked(tmp_path):
        for way in (tmp_path, tmp_path / "link"):
            with pytest.raises(InputError, match="another process"):
                with locked(way):
                    pass
        process = subprocess.run(
            [sys.executable, "-c", HOLDER, str(tmp_path), "orphan"], capture_output=True, encoding="utf-8", check=False
        )  # the failed second try has not dropped the lock
        assert "another process is working on" in process.stderr
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot write to .*missing: No such file"):
        with locked(tmp_path / "missing"):
            pass


INSTEAD = {
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
}


@pytest.mark.parametrize("kind", INSTEAD)
def test_what_is_no_file_is_named_by_its_kind(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    INSTEAD[kind](Path("lock"))
    with pytest.raises(InputError, match=f"lock is {kind}, where a file"):
        with locked(Path()):
            pass
    with pytest.raises(InputError, match=f"lock is {kind}, where a file"):
        Claims(Path("lock"))
    assert os.path.lexists("lock")
