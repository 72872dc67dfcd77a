"""What Windows has not (record locks, SIGKILL, limits of memory, pipes that are files) is never needed.

Nothing here runs on Windows; processes run that cannot see what it lacks.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from semivox.data import phantom
from tests.core.processes.liveness import ended

LACKING = Path(__file__).parent / "windows_like"
HOLD = """
import sys, time
from pathlib import Path
from semivox.core.processes.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
TAKE = """
import sys
from pathlib import Path
from semivox.core.errors import InputError
from semivox.core.processes import byte_locks
from semivox.core.processes.lock import locked
assert byte_locks.fcntl is None
try:
    with locked(Path(sys.argv[1])):
        print("taken")
except InputError as error:
    print(error)
"""
CLAIM = """
import sys
from pathlib import Path
from semivox.core.processes.claims import Claims
with Claims(Path(sys.argv[1])) as claims, claims.claim("scan", wait=sys.argv[2] == "wait") as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""

WORK = """
import os, sys, time
from pathlib import Path
from semivox.core.processes import parent_death, pool, starting

def work(folder):
    (folder / f"{os.getpid()}.pid").touch()
    time.sleep(600)

if __name__ == "__main__":
    assert parent_death.sys.platform == "win32"
    assert not starting.forkable()
    list(pool.each(work, [Path(sys.argv[1])] * 2, 2, str))
"""

KILLER = """
import os, sys
import semivox.data.checks.case as case
real = case.read_scan
def read(path):
    if path.name.startswith("hip_0001"):
        os.abort()
    return real(path)
case._read.__defaults__ = (read,)
if __name__ == "__main__":
    import semivox.cli
    semivox.cli.main()
"""
"""The command, in which a library has a fault that one scan meets; also in the processes that it starts anew."""


def lacking() -> dict[str, str]:
    """The environment of a process that sees what Windows has."""
    path = os.pathsep.join([str(LACKING), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def python(*words: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        env=lacking(), encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def test_a_folder_that_another_process_holds_is_refused_with_its_number_and_free_when_that_is_killed(tmp_path):
    holder = python("-c", HOLD, tmp_path)
    assert holder.stdout.readline() == "held\n"
    said, errors = python("-c", TAKE, tmp_path).communicate()
    assert f"(process {holder.pid})" in said, errors
    holder.kill()
    holder.wait()
    said, errors = python("-c", TAKE, tmp_path).communicate()
    assert said == "taken\n", errors


def test_a_claim_of_another_process_is_seen_and_waited_for(tmp_path):
    holder = python("-c", CLAIM, tmp_path / "claims", "no")
    assert holder.stdout.readline() == "True\n"
    said, errors = python("-c", CLAIM, tmp_path / "claims", "no").communicate("")
    assert said == "False\n", errors
    waiting = python("-c", CLAIM, tmp_path / "claims", "wait")
    holder.communicate("")
    said, errors = waiting.communicate("")
    assert said == "True\n", errors


def test_workers_end_with_the_process_that_started_them(tmp_path):
    (tmp_path / "program.py").write_text(WORK, encoding="utf-8")
    (tmp_path / "pids").mkdir()
    parent = python(tmp_path / "program.py", tmp_path / "pids")
    while len(pids := [int(path.stem) for path in (tmp_path / "pids").iterdir()]) < 2:
        assert parent.poll() is None, parent.communicate()
        time.sleep(0.1)
    parent.kill()
    parent.wait()
    assert ended(*pids)


def test_a_scan_of_a_small_data_set_that_kills_its_reader_does_not_end_the_command(tmp_path):
    phantom.write(tmp_path / "scans", 2, 1, 0, shape=(20, 18, 16), spacing=(8.0, 8.0, 8.0))
    (tmp_path / "program.py").write_text(KILLER, encoding="utf-8")
    done = python(tmp_path / "program.py", "check", tmp_path / "scans")
    said, errors = done.communicate("")
    assert done.returncode == 2, said + errors
    assert "error reader_died, hip_0001" in said, said + errors
    assert "3 cases: 2 ok, 0 warning, 1 error" in said


@pytest.mark.slow
def test_run_trains_two_methods_in_processes_with_workers_and_predicts(tmp_path):
    phantom.write(tmp_path / "scans", 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    words = ["run", "scans", "-o", "job", "--method", "mean_teacher", "--steps", "2", "--workers", "1"]
    plan = ["--network", "small", "--spacing", "8,8,8", "--patch", "16,16,8"]
    done = python("-m", "semivox", *words, *plan, cwd=tmp_path)
    said, errors = done.communicate("")
    assert done.returncode == 0, said + errors
    assert json.loads((tmp_path / "job/mean_teacher/cost.json").read_text(encoding="utf-8"))["memory_mb"] > 50
    assert (tmp_path / "job/report.html").is_file()
