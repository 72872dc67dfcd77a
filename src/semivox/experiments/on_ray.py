"""Runs on a Ray cluster: one actor a run, which starts the run's process on whatever node has room for it.

The folders of the runs, on a disk that all nodes share, stay the only record. A node that dies costs what its runs
did since their last checkpoint: they are started again elsewhere and resume.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.plan import Plan
from semivox.core.processes.cores import limited, readers_of
from semivox.core.processes.ray_cluster import connect, mark, unable, unfit
from semivox.core.processes.ray_nodes import Nodes
from semivox.core.processes.ray_room import Need
from semivox.experiments.executor import STOPPED, gpus_of, remark_on, words_of
from semivox.experiments.local_processes import LocalProcess, LocalProcesses, memory_mb
from semivox.training.settings import TrainSettings

MOST_STARTS = 4
"""Times that a run is started: nodes may die, but a run that takes them down with it must not do so for ever."""
JOINING = 600.0
"""Seconds for which a command waits for a first node that could take its runs: some clusters start nodes on demand."""


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
    stopping: bool = False

    def start(self) -> None:
        """Begin, or begin again on another node."""
        self.starts += 1
        self.actor = self.cluster.actor()
        arguments = str(self.folder), self.run, self.cluster.token, version("semivox")
        self.begun = self.actor.start.remote(*arguments, self.cluster.threads, self.cluster.workers)
        self.asked = None

    def poll(self) -> int | None:
        """The exit code; None while it waits for a node or runs. Raises InputError where no node can do it."""
        import ray

        if self.ended is not None:
            return self.ended
        try:
            if self.begun is not None:
                if not ray.wait([self.begun], timeout=0)[0]:
                    self.cluster.require_hope()
                    return None
                problem, self.begun = ray.get(self.begun), None
                if problem:
                    raise InputError(problem)
                self.cluster.hosted = True
            self.asked = self.asked or self.actor.poll.remote()
            if not ray.wait([self.asked], timeout=0)[0]:
                return None
            code, self.asked = ray.get(self.asked), None
        except ray.exceptions.RayActorError as error:
            if problem := unable(error):
                raise InputError(problem) from error
            return self._lost()
        if code is not None:
            self.ended = code
            ray.kill(self.actor)
        return code

    def _lost(self) -> int | None:
        """Its node is gone: start again, or give up."""
        if self.stopping:
            self.ended = STOPPED
        elif self.starts < MOST_STARTS:
            self.start()
        else:
            write_text(words_of(self.folder, self.run), f"semivox: its node was lost {self.starts} times\n")
            self.ended = 1
        return self.ended

    def waits(self) -> str:
        """Why no node has begun with it yet, or that the cluster has lost its head."""
        if self.cluster.nodes.silent:
            return (
                "The head of the Ray cluster does not answer; after a minute Ray ends this command. Then start the "
                "head and its nodes again"
            )
        return "" if self.begun is None else self.cluster.shortage()

    def stop(self) -> None:
        """Ask it to save and end; where it has not begun there is nothing to save."""
        self.stopping = True
        if self.begun is None:
            self.actor.stop.remote()
        else:
            self.kill()
            self.ended = STOPPED

    def kill(self) -> None:
        """End it now: the process follows the actor that started it."""
        import ray

        ray.kill(self.actor)


@dataclass
class RayExecutor:
    """Starts runs on the cluster."""

    most: int
    """Runs at once, however large the cluster grows."""
    need: Need
    """Of a run."""
    threads: int
    token: str
    nodes: Nodes
    remark: str = ""
    hosted: bool = False
    """Whether a node has begun with a run since this command was started."""
    lacking_since: float | None = None
    """Since when no node could take a run."""

    @property
    def at_once(self) -> int:
        """As many as the nodes have room for now: those that join later are used too."""
        return max(1, min(self.most, self.nodes.now().places(self.need)))

    @property
    def workers(self) -> int:
        """Processes that read patches for each process that trains."""
        return readers_of(self.threads)

    def describe(self) -> str:
        """How runs share the cluster."""
        return f"On Ray, {self.at_once} at a time, {self.need} each{self.remark}"

    def shortage(self) -> str:
        """What a run that no node has begun with waits for."""
        room = self.nodes.now()
        if room.places(self.need):
            return "No node of the Ray cluster has begun with it yet: they are busy, or slow to start (ray status)"
        return f"Waiting for a node: {room.lacking(self.need)}"

    def require_hope(self) -> None:
        """Raise InputError where no node could take a run for long, and none ever did."""
        room = self.nodes.now()
        if self.hosted or room.places(self.need):
            self.lacking_since = None
            return
        self.lacking_since = self.lacking_since or time.monotonic()
        if time.monotonic() - self.lacking_since > JOINING:
            raise InputError(
                f"{room.lacking(self.need)}, and none that has joined in {JOINING / 60:.0f} minutes; start one, or "
                "give a smaller --patch, fewer --devices, or --device cpu where it is a GPU that is missing"
            )

    def actor(self) -> Any:
        """A process of the cluster with a run's share of it; it waits until a node has room."""
        import ray

        return ray.remote(RayNode).options(max_restarts=0, **self.need.options()).remote()

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
        connect(self.address)
        nodes, most = Nodes(), min(runs, self.most or runs)
        room = nodes.now()
        least = Need(train.devices, gpus_of(train, room.gpus > 0), memory_mb(plan) * train.devices)
        threads = limited(room.most_cores(least, min(most, room.places(least))))
        need = Need(threads * train.devices, least.gpus, least.memory_mb)
        return RayExecutor(most, need, threads, mark(folder), nodes, remark_on(plan, need.gpus))
