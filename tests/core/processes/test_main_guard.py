"""A script without main guard is told so; with ``workers=0`` it needs none, as no process is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import corpus

NO_PROCESS = """
import multiprocessing.process, subprocess, sys
import torch  # its CUDA build starts ldconfig while it is loaded
def refuse(*args, **kwargs):
    sys.exit("a process was started")
multiprocessing.process.BaseProcess.start = refuse
subprocess.Popen = refuse
"""
SMALL = "dict(patch=(16, 16, 16), network='small', steps=2)"


def script(tmp_path: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run lines as a script without guard."""
    path = tmp_path / "script.py"
    path.write_text("\n".join(["import semivox", *lines]), encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(path)], capture_output=True, encoding="utf-8", env=environment, timeout=240
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_the_missing_guard_is_named(tmp_path, workers):
    corpus.good(tmp_path / "scans")
    check = f"semivox.check({str(tmp_path / 'scans')!r}, workers={workers})"
    said = script(tmp_path, "import SimpleITK", "print('once')", check).stderr  # begins processes anew
    assert 'if __name__ == "__main__":' in said
    assert "memory" not in said
    assert said.count("Traceback") == 1  # of the script itself, not of each process it started


@pytest.mark.skipif(sys.platform != "linux", reason="processes are begun anew elsewhere")
def test_readers_that_are_copies_of_the_script_need_no_guard(tmp_path):
    corpus.good(tmp_path / "scans")
    done = script(tmp_path, f"print(semivox.check({str(tmp_path / 'scans')!r}, workers=2).ok)")
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


def test_without_workers_check_needs_no_guard(tmp_path):
    corpus.good(tmp_path / "scans")
    done = script(tmp_path, NO_PROCESS, f"print(semivox.check({str(tmp_path / 'scans')!r}, workers=0).ok)")
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


@pytest.mark.slow
def test_without_workers_nothing_starts_a_process(tmp_path):
    corpus.good(tmp_path / "scans")
    scans, job, one = (repr(str(tmp_path / name)) for name in ("scans", "job", "one"))
    done = script(
        tmp_path,
        NO_PROCESS,
        f"made = semivox.plan({scans}, method='supervised', workers=0, **{SMALL})",
        f"semivox.prepare({scans}, {str(tmp_path / 'prepared')!r}, plan=made, workers=0)",
        f"semivox.train({scans}, {one}, method='supervised', plan=made, settings={{'workers': 0}})",
        f"semivox.run({scans}, {job}, method='mean_teacher', settings={{'workers': 0}}, plan={SMALL})",
        "print('done')",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("done")
    assert (tmp_path / "job" / "summary.txt").exists()


def test_a_script_that_catches_everything_and_tries_again_ends(tmp_path):
    """Its processes run it again, and would try for ever."""
    corpus.good(tmp_path / "scans")
    done = script(
        tmp_path,
        "import SimpleITK",  # begins processes anew
        "while True:",
        "    try:",
        f"        semivox.check({str(tmp_path / 'scans')!r}, workers=2)",
        "    except BaseException as error:",
        "        print(error)",
        "        if 'main guard' in str(error):",
        "            break",
    )
    assert done.returncode == 0
    assert done.stdout.count("main guard") == 1
