"""Runs hostile inputs: each in a process of its own, forked after everything was imported, with limits.

    python -m tests.hostile.server FOLDER NAMES RESULTS

NAMES is a file with a JSON list of names of inputs, RESULTS a file that gets a line of JSON for each. Inputs that have
one are not run again, so that a server which was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import psutil

import semivox
from tests.hostile import base
from tests.hostile.kinds import Hostile

SECONDS = 10
"""Of computing, so that it does not matter what else the machine does."""
LOOK = 0.004
"""Seconds between looks at an input that runs."""
PATIENCE = 15_000
"""Looks in a row without a moment of computing, after which an input has hung: at least a minute. Looks are counted, as
this process, too, may be halted for a while."""
MEMORY = 1 << 30
"""Bytes on top of what importing everything took."""
UNBROKEN = 99
"""Exit code of an input that could not be made."""


def run_all(folder: Path, inputs: list[Hostile], results: Path) -> None:
    """Make the good folders, then run all inputs that have no result."""
    for left in folder.glob("input *"):  # by a server that was killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    good, done = folder / "good", {(row["group"], row["name"]) for row in rows_of(results)}
    needed, made = {name for item in inputs for name in item.needs}, good / "made"
    if not made.exists() or any(not (good / name).exists() for name in needed):
        shutil.rmtree(good, ignore_errors=True)
        _forked(lambda: (good.mkdir(parents=True), base.make(good, needed), made.touch()), folder / "making.txt")
        assert made.exists(), (folder / "making.txt").read_text()
    with results.open("a") as handle:
        for number, item in enumerate(one for one in inputs if (one.group, one.name) not in done):
            handle.write(json.dumps(_one(good, folder / f"input {os.getpid()} {number}", item)) + "\n")
            handle.flush()


def rows_of(results: Path) -> list[dict[str, Any]]:
    """The results that a file holds; a last line that was cut by a kill is taken away."""
    if not results.exists():
        return []
    content = results.read_text(encoding="utf-8")
    whole = content[: content.rfind("\n") + 1]
    if whole != content:
        results.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def _forked(task: Any, out: Path) -> int:
    """Do a task in a forked process; returns its wait status."""
    child = os.fork()
    if child == 0:
        _child(task, out)
    return os.waitpid(child, 0)[1]


def _child(task: Any, out: Path) -> None:
    """In the forked process: never returns."""
    code = UNBROKEN
    try:
        os.setsid()
        stream = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        result = task()
        code = result if isinstance(result, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _one(good: Path, root: Path, item: Hostile) -> dict[str, Any]:
    """Run one input and say how it ended."""
    base.copied(good, root, item.needs)
    out, peak = root.with_suffix(".txt"), root.with_suffix(".peak")
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(lambda: _attack(root, item, peak), out)
    status, usage = _waited(child)
    seconds = time.monotonic() - begin
    said = out.read_text(encoding="utf-8", errors="replace")
    megabytes = int(peak.read_text() or 0) if peak.exists() else None
    shutil.rmtree(root, ignore_errors=True)
    for path in (out, peak):
        path.unlink(missing_ok=True)
    computed = usage.ru_utime + usage.ru_stime if usage else 0.0
    outcome = _outcome(item, status, computed, said)
    return {
        "group": item.group,
        "name": item.name,
        "outcome": outcome,
        "code": os.waitstatus_to_exitcode(status) if status is not None else None,
        "seconds": round(seconds, 2),
        "computed": round(computed, 2),
        "megabytes": megabytes,
        "said": said[-3000:],
    }


def _attack(root: Path, item: Hostile, peak: Path) -> int:
    """Break something, and run the command with limits."""
    os.chdir(root)
    try:
        words = list(item.make(root))
    except BaseException:
        traceback.print_exc()
        return UNBROKEN
    from semivox.cli import exit_code

    Path("/proc/self/clear_refs").write_text("5")  # memory is counted from here
    own = psutil.Process().memory_info()
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_AS, (own.vms + MEMORY, own.vms + MEMORY))
    try:
        return exit_code(words)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        highest = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
        peak.write_text(str(max(0, highest - own.rss // 1024) // 1024))


def _waited(child: int) -> tuple[int | None, Any]:
    """The wait status and usage of a process; None of one that had to be killed."""
    computed, looks = 0.0, 0
    while looks < PATIENCE:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            _end_group(child)
            return status, usage
        time.sleep(LOOK)
        looks += 1
        if (now := sum(psutil.Process(child).cpu_times()[:2])) > computed:  # what computes is limited by the system
            computed, looks = now, 0
    _end_group(child)
    os.waitpid(child, 0)
    return None, None


def _end_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _outcome(item: Hostile, status: int | None, seconds: float, said: str) -> str:
    """How an input ended, in a word."""
    if status is None:
        return "never"
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGXCPU, -signal.SIGKILL) and seconds > SECONDS - 1:
        return "slow"
    if code < 0:
        return "crash"
    if code == UNBROKEN:
        return "not made"
    if "Traceback (most recent call last)" in said:
        return "traceback"
    if code == 2:
        return "sentence" if said.strip() else "silent"
    if code == 0:
        return "passed" if item.may_pass else "accepted"
    return "other code"


def main(folder: str, names: str, results: str) -> None:
    from tests.hostile.inputs import INPUTS

    for module in pkgutil.walk_packages(semivox.__path__, "semivox."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # here once, and not in each child
    wanted = json.loads(Path(names).read_text(encoding="utf-8"))
    known = {f"{item.group} {item.name}": item for item in INPUTS}
    run_all(Path(folder), [known[name] for name in wanted], Path(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
