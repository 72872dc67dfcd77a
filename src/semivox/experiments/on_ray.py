"""Runs on a Ray cluster: one actor a run, which starts the run's process on whatever node has room for it.

The folders of the runs, on a disk that all nodes share, stay the only record. A node that dies costs what its runs
did since their last checkpoint: they are started again elsewhere and resume.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.processes.ray_cluster import connect, mark, unfit
from semivox.experiments.executor import words_of
from semivox.experiments.local_processes import LocalProcess, LocalProcesses, memory_mb
from semivox.training.settings import TrainSettings

MOST_STARTS = 4
"""Times that a run is started: nodes may die, but a run that takes them down with it must not do so for ever."""


class RayNode:
    """The process of a run, on its node. Lives as long as the run, and holds its share of the node."""

    def __init__(self) -> None:
        self.process: LocalProcess | None = None

    def start(self, folder: str, run: str, token: str, semivox: str, threads: int, workers: int) -> str:
        """Start a run; empty, or why this node cannot."""
        if problem := unfit(Path(folder), token, semivox):
            return problem
        self.process = LocalProcesses(1, threads, workers).submit(Path(folder), run)
        return ""

    def poll(self) -> int | None:
        """The exit code of the run's process; None while it runs."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> None:
        """Ask it to save and end."""
        if self.process is not None:
            self.process.stop()


@dataclass
class RayRun:
    """A run on the cluster."""

    cluster: RayExecutor
    folder: Path
    run: str
    starts: int = 0
    actor: Any = None
    begun: Any = None
    asked: Any = None
    ended: int | None = None

    def start(self) -> None:
        """Begin, or begin again on another node."""
        self.starts += 1
        self.actor = self.cluster.actor()
        arguments = str(self.folder), self.run, self.cluster.token, version("semivox")
        self.begun = self.actor.start.remote(*arguments, self.cluster.threads, self.cluster.workers)
        self.asked = None

    def poll(self) -> int | None:
        """The exit code; None while it waits for a node or runs. Raises InputError where a node cannot do it."""
        import ray

        if self.ended is not None:
            return self.ended
        try:
            if self.begun is not None:
                if not ray.wait([self.begun], timeout=0)[0]:
                    return None
                problem, self.begun = ray.get(self.begun), None
                if problem:
                    raise InputError(problem)
            self.asked = self.asked or self.actor.poll.remote()
            if not ray.wait([self.asked], timeout=0)[0]:
                return None
            code, self.asked = ray.get(self.asked), None
        except ray.exceptions.RayActorError:
            return self._lost()
        if code is not None:
            self.ended = code
            ray.kill(self.actor)
        return code

    def _lost(self) -> int | None:
        """Its node is gone: start again, or give up."""
        if self.starts < MOST_STARTS:
            self.start()
            return None
        write_text(words_of(self.folder, self.run), f"semivox: its node was lost {self.starts} times\n")
        self.ended = 1
        return self.ended

    def stop(self) -> None:
        """Ask it to save and end."""
        self.starts = MOST_STARTS
        self.actor.stop.remote()

    def kill(self) -> None:
        """End it now: the process follows the actor that started it."""
        import ray

        ray.kill(self.actor)


@dataclass
class RayExecutor:
    """Starts runs on the cluster."""

    at_once: int
    threads: int
    gpus: int
    memory_mb: float
    token: str
    workers: int = 0

    def describe(self) -> str:
        """How runs share the cluster."""
        each = plural(self.threads, "core") + (" and a GPU" if self.gpus else "")
        return f"On Ray, {self.at_once} at a time, {each} each"

    def actor(self) -> Any:
        """A process of the cluster with a run's share of it; it waits until a node has room."""
        import ray

        wanted = {"num_cpus": self.threads, "num_gpus": self.gpus, "memory": int(self.memory_mb * 2**20)}
        return ray.remote(RayNode).options(max_restarts=0, **wanted).remote()

    def submit(self, folder: Path, run: str) -> RayRun:
        """Start a run."""
        started = RayRun(self, folder.resolve(), run)
        started.start()
        return started


@dataclass(frozen=True)
class RayEngine:
    """A cluster by its address: ``auto``, ``ray://HOST:PORT``, or ``local`` for one on this machine."""

    address: str = "auto"
    most: int | None = None
    """Runs at once; None: as many as there are cores or GPUs."""

    def require(self) -> None:
        """Join the cluster. Raises InputError where Ray or the cluster is missing."""
        connect(self.address)

    def executor(self, folder: Path, plan: Plan, runs: int, train: TrainSettings) -> RayExecutor:
        """Cores and GPUs of the cluster shared out. Raises InputError where Ray or the cluster is missing."""
        resources = connect(self.address)
        gpus = int(resources.get("GPU", 0)) if train.device in ("auto", "cuda") else 0
        cores = max(1, int(resources.get("CPU", 1)))
        at_once = max(1, min(runs, self.most or gpus or cores))
        return RayExecutor(at_once, max(1, cores // at_once), int(gpus > 0), memory_mb(plan), mark(folder))
