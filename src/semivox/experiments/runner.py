"""Does the runs of a study, each in a process of its own, several at once where the machine allows; resumable.

There is no database: a run is done when its folder says so. The same command after an interruption, a failure or an
added method does what is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

from semivox.core.errors import InterruptedRun, SemivoxError
from semivox.core.plan import Plan
from semivox.experiments.arrange import Arranged, arranged
from semivox.experiments.runs import Run
from semivox.experiments.study_file import StudyFile
from semivox.experiments.watch import Watch
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.training.reporter import clock
from semivox.training.stopping import SIGNALS, StopRequest

POLL = 0.5
"""Seconds between looks at the running processes."""
MARGIN = 1.3
"""A run is allowed this much more memory than the dry step took."""
THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""What libraries ask for their number of threads."""
STOPPED = 75
"""Exit code of a run that saved and stopped."""


@dataclass
class Outcome:
    """What came of a call."""

    done: int = 0
    """Runs that are complete, earlier ones included."""
    failed: dict[str, str] = field(default_factory=dict)
    """Run -> why its process ended."""
    stopped: bool = False


@dataclass(frozen=True)
class Processes:
    """How many runs at once, and what each gets."""

    count: int
    threads: int
    workers: int
    """Processes of each run that prepare patches."""


def run_study(
    grid: StudyFile,
    base: Path,
    data: Path,
    out: Path,
    processes: int | None = None,
    progress: ProgressDisplay | None = None,
) -> Outcome:
    """Do the whole study into ``out``, or what is left of it.

    ``base``: the folder that the grid's files are named from; ``processes``: runs at once, None: as many as fit.
    Raises InputError for unfit scans or options, SemivoxError after all else is done if runs failed, and
    InterruptedRun after all running ones have saved when asked to stop.
    """
    progress = progress or Quiet()
    with arranged(grid, base, data, out, progress) as study:
        waiting = [cell for cell in study.cells if not cell.done(out)]
        fitting = shares(study.plan, max(len(waiting), 1), processes, str(grid.train.get("device", "auto")))
        _announce(study, waiting, fitting, progress)
        outcome = _run_all(study, waiting, fitting)
    _conclude(study, outcome, progress)
    return outcome


def shares(plan: Plan, runs: int, processes: int | None, device: str) -> Processes:
    """How cores and memory are shared out: on a CPU a run a core while memory lasts, on a GPU one run.

    Many runs of one thread finish sooner than one run of many threads after another.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if processes is None:
        gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        room = psutil.virtual_memory().available / 2**20
        each = MARGIN * plan.forecast.memory_mb if plan.forecast else 2048.0
        processes = 1 if gpu else max(1, min(cores, int(room / max(each, 1.0))))
    count = max(1, min(processes, runs))
    threads = max(1, cores // count)
    limit = os.environ.get("OMP_NUM_THREADS", "")
    threads = min(threads, int(limit)) if limit.isdigit() and int(limit) > 0 else threads
    return Processes(count, threads, workers=min(2, threads - 1))


def _announce(study: Arranged, waiting: Sequence[Run], fitting: Processes, progress: ProgressDisplay) -> None:
    """Say what will be done, and about how long it may take."""
    plan, done = study.plan, len(study.cells) - len(waiting)
    spacing, patch = " x ".join(f"{s:g}" for s in plan.spacing), " x ".join(map(str, plan.patch))
    progress.say(
        f"{len(study.cells)} runs of {plan.steps} steps ({plan.network.name}, {spacing} mm, patch {patch}); "
        f"{done} are done. {fitting.count} at a time, {fitting.threads} thread{'s'[: fitting.threads > 1]} each."
    )
    if plan.forecast and waiting:
        seconds = len(waiting) * plan.steps * plan.forecast.seconds_per_step / fitting.count
        progress.say(f"About {clock(seconds)} (h:mm:ss) if each step costs what one of {plan.forecast.method} did.")


def _run_all(study: Arranged, waiting: Sequence[Run], fitting: Processes) -> Outcome:
    """Start and watch processes until all runs have ended, or a stop was asked for."""
    outcome, queue, running = Outcome(), list(waiting), dict[str, subprocess.Popen[bytes]]()
    cells = {cell.name: cell for cell in study.cells}
    watch, stop = Watch(study.folder, study.cells, study.plan.steps), StopRequest()
    with stop.listening():
        try:
            while (queue and not stop.asked) or running:
                while queue and not stop.asked and len(running) < fitting.count:
                    cell = queue.pop(0)
                    running[cell.name] = _start(study.folder, cell, fitting)
                if stop.asked and not outcome.stopped:
                    outcome.stopped = True  # ask each once
                    watch.say("stopping: the running ones finish their step and save")
                    _signal(running, signal.SIGTERM)
                for name in [name for name, process in running.items() if process.poll() is not None]:
                    _note(study.folder, cells[name], running.pop(name).returncode, outcome, stop.asked)
                watch.show(list(running), len(outcome.failed), fitting.count)
                time.sleep(POLL)
        except BaseException:  # a second Ctrl-C, or a fault here: leave no process behind
            _signal(running, signal.SIGKILL)
            raise
        finally:
            watch.end()
    outcome.stopped = stop.asked and not all(cell.done(study.folder) for cell in study.cells)
    outcome.done = sum(cell.done(study.folder) for cell in study.cells)
    return outcome


def _start(study: Path, cell: Run, fitting: Processes) -> subprocess.Popen[bytes]:
    """Start a run. Its words go to a file beside its folder; a session of its own keeps Ctrl-C away from it."""
    words = words_of(study, cell)
    words.parent.mkdir(parents=True, exist_ok=True)
    environment: Mapping[str, str] = {**os.environ, **dict.fromkeys(THREADS, str(fitting.threads))}
    command = [sys.executable, "-m", "semivox.experiments.one_run", str(study), cell.name, str(fitting.workers)]
    with words.open("wb") as stream:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, start_new_session=True
        )


def words_of(study: Path, cell: Run) -> Path:
    """What the process of a run said last time."""
    run = study / cell.name
    return run.with_name(run.name + ".txt")


def _note(study: Path, cell: Run, code: int, outcome: Outcome, stopping: bool) -> None:
    """Remember a failure; a run that was stopped is none."""
    if code == 0 and cell.done(study):
        return
    if stopping and code in (STOPPED, *(-number for number in SIGNALS)):
        return
    outcome.failed[cell.name] = _ended(code, words_of(study, cell))


def _ended(code: int, words: Path) -> str:
    """Why a process ended: the signal that killed it (what it said last is of something else), or its last words."""
    if code < 0:
        known = {member.value: member.name for member in signal.Signals}
        memory = ", as the system does where memory runs out" if -code == signal.SIGKILL else ""
        return f"killed by {known.get(-code, 'signal')} (signal {-code}){memory}"
    try:
        said = words.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        said = []
    return next((line.strip() for line in reversed(said) if line.strip()), f"ended with exit code {code} and no word")


def _signal(running: Mapping[str, subprocess.Popen[bytes]], number: int) -> None:
    for process in running.values():
        if process.poll() is None:
            process.send_signal(number)


def _conclude(study: Arranged, outcome: Outcome, progress: ProgressDisplay) -> None:
    """Say how it ended. Raises InterruptedRun or SemivoxError where it is not all done."""
    total = len(study.cells)
    failed = "".join(
        f"\n  {name}: {words}\n    all of it: {study.folder / (name + '.txt')}"
        for name, words in outcome.failed.items()
    )
    if outcome.stopped:
        raise InterruptedRun(
            f"stopped and saved; {outcome.done} of {total} runs are done. The same command goes on from there."
            + (f" Failed before:{failed}" if failed else "")
        )
    if failed:
        raise SemivoxError(
            f"{len(outcome.failed)} of {total} runs failed, {outcome.done} are done. The same command tries the "
            f"failed ones again:{failed}"
        )
    progress.say(f"All {total} runs are done. The page about them: semivox report {study.folder}")
