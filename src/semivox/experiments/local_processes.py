"""Runs as processes of this machine: as many at once as cores and memory allow, each with its share of the cores."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.processes.cores import environment_of, limited, readers_of, usable_cores
from semivox.experiments.executor import command_of, words_of
from semivox.training.device import device_here
from semivox.training.environment import starts

MARGIN = 1.3
"""A run is allowed this much more memory than the dry step took."""
UNKNOWN_MB = 2048.0
"""Memory of a run where no dry step was measured."""
BESIDE_GPU_MB = 6144.0
"""Memory of a run whose tensors are on a GPU: CUDA's libraries, and the processes that read patches. Not measured."""


ASKING = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)
"""Asks a process to stop: Windows ends a process that gets SIGTERM without asking it."""
APART: dict[str, Any] = (
    {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    if hasattr(subprocess, "CREATE_NEW_PROCESS_GROUP")
    else {"start_new_session": True}
)
"""How a run is started out of reach of Ctrl-C."""


class LocalProcess:
    """A run in a process of this machine, in a session of its own, so that Ctrl-C does not reach it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self.process.poll()

    def waits(self) -> str:
        """It has begun."""
        return ""

    def stop(self) -> None:
        """Ask it to end: the step in hand is finished and saved."""
        self._signal(ASKING)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def _signal(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)


class LocalProcesses:
    """Starts runs as processes of this machine."""

    def __init__(self, at_once: int, threads: int, workers: int) -> None:
        self.at_once, self.threads, self.workers = at_once, threads, workers

    @classmethod
    def fitting(cls, plan: Plan, runs: int, wanted: int | None, device: str, devices: int = 1) -> LocalProcesses:
        """As many at once as ``wanted``, or as fit: on a CPU one a core while memory lasts, on a GPU one.

        Many runs of one thread finish sooner than one run of many threads after another. ``runs``: how many there are
        in all, done or not, so that a resumed run has the threads that it began with. ``devices``: processes of a
        run that train together.
        """
        cores = max(1, usable_cores() // devices)
        if wanted is None:
            gpu = device_here(device) == "cuda"
            room = psutil.virtual_memory().available / 2**20
            wanted = 1 if gpu else max(1, min(cores, int(room / max(memory_mb(plan) * devices, 1.0))))
        at_once = max(1, min(wanted, runs))
        threads = limited(max(1, cores // at_once))
        return cls(at_once, threads, readers_of(threads))

    def describe(self) -> str:
        """``2 at a time, 4 threads each``."""
        return f"{self.at_once} at a time, {plural(self.threads, 'thread')} each"

    def submit(self, folder: Path, run: str) -> LocalProcess:
        """Start a run; what it says goes to a file beside its folder."""
        words = words_of(folder, run)
        threads = threads_of(folder / run) or self.threads
        environment = environment_of(threads)
        command = command_of(folder, run, self.workers)
        with words.open("wb") as stream:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, **APART
            )
        return LocalProcess(process)


def memory_mb(plan: Plan) -> float:
    """What a run may take: as the dry step did, with a margin."""
    if plan.forecast and plan.forecast.device == "cuda":
        return BESIDE_GPU_MB  # what was measured is the GPU's memory
    return MARGIN * plan.forecast.memory_mb if plan.forecast else UNKNOWN_MB


def threads_of(run: Path) -> int | None:
    """The threads that a run began with: rounding depends on it, and a resumed run is to end with the same bits."""
    found = [entry.get("threads") for entry in starts(run / "environment.json")]
    return found[0] if found and type(found[0]) is int and found[0] > 0 else None
