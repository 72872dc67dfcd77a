"""Where runs are done: a small contract that local processes keep, and a cluster can.

The folders of the runs are the only record. An executor starts a run and says when its process has ended; whether the
run is done, its folder says. So a run that is started twice by mistake, or dies with its machine, does no harm.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

from semivox.core.plan import Plan
from semivox.training.device import wants_gpu
from semivox.training.settings import TrainSettings

STOPPED = 75
"""Exit code of a run that saved and stopped because it was asked to."""


class Started(Protocol):
    """A run that was handed to an executor."""

    def poll(self) -> int | None:
        """The exit code of its process, negative for a signal that killed it; None as long as it goes."""

    def waits(self) -> str:
        """What it waits for where it has not begun, as a sentence for the user; empty where it goes on."""

    def stop(self) -> None:
        """Ask it to save and end, with exit code 75."""

    def kill(self) -> None:
        """End it now; what it saved last stays."""


class Executor(Protocol):
    """Starts runs, here or elsewhere."""

    @property
    def at_once(self) -> int:
        """Runs that go on at the same time; more where a cluster grows."""

    def describe(self) -> str:
        """In a few words, how runs share the machine: ``2 at a time, 4 threads each``."""

    def submit(self, folder: Path, run: str) -> Started:
        """Start a run. ``folder``: of the job or study; ``run``: its run folder within that.

        What its process says goes to ``words_of(folder, run)``, whose folder is there.
        """


class Engine(Protocol):
    """Where runs are to be done, before it is known how many there are and what each needs."""

    def require(self) -> None:
        """Raise InputError, before any work, where it cannot be had."""

    def executor(self, folder: Path, plan: Plan, runs: int, train: TrainSettings) -> Executor:
        """Who does ``runs`` runs of this plan and these settings in ``folder``. Raises InputError where that cannot be
        had."""


def gpus_of(train: TrainSettings, there: bool) -> int:
    """GPUs that a run reserves on a cluster, one a process that trains. ``there``: whether the cluster has any."""
    return train.devices if wants_gpu(train.device, there) else 0


def remark_on(plan: Plan, gpus: int) -> str:
    """That a plan was made for another kind of machine than the one that trains, to follow a description."""
    if not gpus or plan.forecast is None or plan.forecast.device == "cuda":
        return ""
    return ". The plan was made and measured on a CPU: start the command on a node with a GPU to have it made for that"


def command_of(folder: Path, run: str, workers: int) -> list[str]:
    """The process that does a run, with ``workers`` further ones that read patches."""
    return [sys.executable, "-m", "semivox.experiments.one_run", str(folder), run, str(workers)]


def words_of(folder: Path, run: str) -> Path:
    """What the process of a run said last time."""
    path = folder / run
    return path.with_name(path.name + ".txt")
