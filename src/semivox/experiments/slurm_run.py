"""A run as jobs of SLURM, one after another until it is done: what a job does, and what its end means."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from semivox.core.processes.signals import TERMINATE
from semivox.experiments.executor import STOPPED, command_of, words_of
from semivox.experiments.slurm_queue import ENDED, MOVED, Queue, cancel, waiting_or_running

MOST_STARTS = 100
"""Jobs that one run may take."""
PATIENCE = 15.0
"""Seconds after the end of a job in which a shared disk may still show what it returned."""


class Submitting(Protocol):
    """Who submits jobs, and knows those of earlier commands."""

    queue: Queue

    def submitted(self, run: SlurmRun) -> Any:
        """A new job for it."""

    def earlier(self, number: str) -> Any:
        """A job that an earlier command submitted, and that has not ended."""


def job(folder: str, run: str, workers: int) -> int:
    """What a job does: the run's process, whose exit code it returns.

    SLURM signals before the time limit, or when another job needs the node. The run is told and saves; where it was
    not training yet, or no more, it dies of the signal, which costs nothing: it goes on where it was.
    """
    words, told = words_of(Path(folder), run), []

    def tell(number: int, frame: FrameType | None) -> None:
        told.append(number)
        process.send_signal(signal.SIGTERM)

    with words.open("wb") as stream:
        process = subprocess.Popen(
            command_of(Path(folder), run, workers), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
        for number in TERMINATE:  # in place of submitit's, which would end the run unsaved
            signal.signal(number, tell)
        code = process.wait()
    return STOPPED if told and -code in TERMINATE else code


@dataclass
class SlurmRun:
    """A run in the queue or on a node."""

    executor: Submitting
    folder: Path
    run: str
    starts: int = 0
    stopping: bool = False
    job: Any = None
    ended: float | None = None
    """When its job was first seen to have ended without an answer."""

    @property
    def name(self) -> str:
        """What its jobs are called: the same for the same run folder, so that a later command finds them."""
        return f"semivox-{sha256(str(self.folder / self.run).encode()).hexdigest()[:12]}"

    def start(self) -> None:
        """Take over the job that an earlier command submitted for it, else submit one."""
        self.starts, self.ended = self.starts + 1, None
        earlier = waiting_or_running(self.name) if self.starts == 1 else None
        self.job = self.executor.earlier(earlier) if earlier else self.executor.submitted(self)
        self.executor.queue.add(self.job.job_id)

    def poll(self) -> int | None:
        """The exit code; None while it waits or runs."""
        if self.job.paths.result_pickle.exists():
            code = self._returned()
        elif (state := self.executor.queue.state(self.job.job_id)) not in ENDED:
            return None
        else:
            self.ended = self.ended or time.monotonic()
            if not self.stopping and time.monotonic() - self.ended < PATIENCE:
                return None
            code = self._lost(state)
        if code == STOPPED and not self.stopping and self.starts < MOST_STARTS:
            self.start()  # it saved before its time was over
            return None
        return code

    def waits(self) -> str:
        """What SLURM says of why it waits in the queue."""
        why = self.executor.queue.waits(self.job.job_id)
        return f"Jobs wait in the queue of SLURM ({why}); squeue --me --start says when they may begin" * bool(why)

    def _returned(self) -> int:
        """What ``job`` returned."""
        try:
            return int(self.job.result())
        except Exception as error:  # submitit hands on whatever was raised there
            return self._failed(str(error))

    def _lost(self, state: str) -> int:
        """The exit code of a job that ended without returning."""
        if self.stopping or state in MOVED:
            return STOPPED
        if state == "OUT_OF_MEMORY":
            return self._failed("it took more memory than it had asked for; ask for more by --slurm mem=16G")
        if state == "CANCELLED":
            return self._failed("it was cancelled (scancel)")
        log = self.job.paths.stderr
        if log.exists():
            return self._failed(f"it ended without an answer ({state.lower()}); its log: {log}")
        return self._failed(f"it left no log ({state.lower()}): do all nodes see {self.folder} under this path?")

    def _failed(self, why: str) -> int:
        """Keep why a job failed, beside what the run said."""
        with words_of(self.folder, self.run).open("ab") as stream:
            stream.write(f"\nsemivox: job {self.job.job_id} of SLURM: {why}\n".encode())
        return 1

    def stop(self) -> None:
        """Take it off the queue, or ask it to save and end."""
        self.stopping = True
        cancel(self.job.job_id, saving=True)

    def kill(self) -> None:
        """End it now."""
        self.stopping = True
        cancel(self.job.job_id, saving=False)
