"""A scan that ends the process that reads it is an error of that scan; the others are checked all the same."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from semivox.core.errors import SemivoxError
from semivox.core.processes import pool, starting
from semivox.core.processes.pool import each
from semivox.data import checks, layouts, phantom
from semivox.data.checks import run
from tests.data.deeds import dies_beside_others, odd_ones_die

KILLER = """
import os, sys
import semivox.data.checks.case as case
real = case.read_scan
def read(path):
    if path.name.startswith(("hip_0001", "hip_1000")):
        {deed}
    return real(path)
case._read.__defaults__ = (read,)
import semivox.cli
semivox.cli.main()
"""
"""The command, in which a library has a fault that some scans meet."""


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("few")
    phantom.write(folder, 2, 1, 1, shape=(20, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def semivox(deed: str, *words: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", KILLER.format(deed=deed), *map(str, words)]
    return subprocess.run(program, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="readers of small data sets are copies of the command")
@pytest.mark.parametrize("deed", ["os.abort()", "os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)"])
def test_a_scan_that_kills_its_reader_is_named_and_the_others_are_checked(scans, deed):
    done = semivox(deed, "check", scans)
    assert done.returncode == 2, done.stderr
    assert "error reader_died, 2 cases: hip_0001, hip_1000" in done.stdout
    assert "4 cases: 2 ok, 0 warning, 2 error" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="readers of small data sets are copies of the command")
def test_a_job_ends_before_it_trains_with_the_name_of_the_scan(scans, tmp_path):
    done = semivox("os.abort()", "run", scans, "-o", tmp_path / "job", "--steps", 2)
    assert done.returncode == 2
    assert "hip_0001_0000.nii.gz: reading it ends the process that does so" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="a reader that is a copy has the fault of this process")
def test_new_labels_are_examined_where_their_scans_can_end_the_reader(scans, monkeypatch):
    here, whole = os.getpid(), run.examine

    def examine(task):
        if task.entry.name == "hip_0000":
            return whole(task)
        assert os.getpid() != here
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(run, "examine", examine)
    monkeypatch.setattr(pool, "forkable", lambda: True)  # whatever other tests have loaded
    found = run.errors_of(layouts.find(scans), ["hip_1000", "hip_0000", "hip_0001"], 1)
    assert [(finding.code, Path(finding.file).name) for finding in found] == [
        ("reader_died", "hip_1000_0000.nii.gz"),
        ("reader_died", "hip_0001_0000.nii.gz"),
    ]


def test_the_results_of_other_tasks_are_kept(monkeypatch):
    monkeypatch.setattr(pool, "POLL", 0.2)
    results = dict(each(odd_ones_die, range(5), 2, str, lambda number: -number))
    assert results == {0: 0, 1: -1, 2: 2, 3: -3, 4: 4}


def test_a_task_is_tried_once_more_alone(tmp_path):
    assert dict(each(dies_beside_others, [tmp_path], 1, str, lambda _: "died")) == {0: "read"}


def test_without_a_word_for_the_dead_the_first_death_is_an_error():
    with pytest.raises(SemivoxError, match=r"a worker was killed while it worked on 1 or 3|worked on [13],"):
        dict(each(odd_ones_die, range(5), 2, str))


def end_at_once(code):
    os._exit(code)  # not handed over as it is: while coverage is measured it cannot be pickled


def test_a_process_that_dies_before_any_task_ends_the_work(monkeypatch):
    """There is no task that it could be laid to, so trying again would never end."""
    monkeypatch.setattr(pool, "_sit_down", end_at_once)
    with pytest.raises(SemivoxError, match="a worker was killed"):
        dict(each(abs, range(3), 2, str, lambda number: -number))


def test_a_scan_that_is_too_large_to_look_at_is_an_error_of_its_own(scans, monkeypatch):
    def examine(task):
        if task.entry.name == "hip_0001":
            raise MemoryError
        return whole(task)

    whole = run.examine
    monkeypatch.setattr(run, "examine", examine)
    report = checks.check(layouts.find(scans))
    assert [(finding.code, Path(finding.file).name) for finding in report.errors] == [
        ("too_large", "hip_0001_0000.nii.gz")
    ]


@pytest.mark.parametrize("module", starting.THREADED)
def test_a_process_whose_libraries_keep_threads_is_not_copied(monkeypatch, module):
    monkeypatch.setattr(starting.threading, "active_count", lambda: 1)
    for name in starting.THREADED:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert starting.forkable() == (sys.platform == "linux")
    monkeypatch.setitem(sys.modules, module, object())
    assert not starting.forkable()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_begin_processes_anew(monkeypatch, system):
    monkeypatch.setattr(starting.sys, "platform", system)
    assert not starting.forkable()


def test_a_process_with_threads_is_not_copied(monkeypatch):
    monkeypatch.setattr(starting.threading, "active_count", lambda: 2)
    assert not starting.forkable()
