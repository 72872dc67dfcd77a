"""Runs as jobs of SLURM, by submitit: one job a run, each on whatever node the scheduler finds.

A job that nears its time limit gets a signal, saves, and ends with exit code 75; it is submitted again and resumes.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.experiments.executor import STOPPED, words_of
from semivox.experiments.local_processes import MARGIN, UNKNOWN_MB
from semivox.training.settings import TrainSettings

AT_ONCE = 64
"""Jobs that stand in the queue or run at the same time, where the user does not say."""
MINUTES = 120
"""Time limit of a job where the user gives none; a longer training takes several jobs."""
MOST_STARTS = 100
"""Jobs that one run may take."""


def job(folder: str, run: str, workers: int) -> int:
    """What a job does: the run's process, whose exit code it returns."""
    import subprocess

    words = words_of(Path(folder), run)
    command = [sys.executable, "-m", "semivox.experiments.one_run", folder, run, str(workers)]
    with words.open("wb") as stream:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False).returncode


@dataclass
class SlurmRun:
    """A run in the queue or on a node."""

    executor: SlurmExecutor
    folder: Path
    run: str
    starts: int = 0
    stopping: bool = False
    job: Any = None

    def start(self) -> None:
        """Submit a job for it."""
        self.starts += 1
        self.job = self.executor.submitter.submit(job, str(self.folder), self.run, self.executor.workers)

    def poll(self) -> int | None:
        """The exit code; None while it waits or runs."""
        if not self.job.done():
            return None
        try:
            code = int(self.job.result())
        except Exception as error:  # cancelled, timed out, its node failed: submitit has a class of its own for each
            code = STOPPED if self.stopping or "TIMEOUT" in str(error) or "PREEMPT" in str(error) else 1
            if code == 1:
                write_text(words_of(self.folder, self.run), f"semivox: job {self.job.job_id}: {error}\n")
        if code == STOPPED and not self.stopping and self.starts < MOST_STARTS:
            self.start()  # it saved before its time was over
            return None
        return code

    def stop(self) -> None:
        """Take it off the queue, or ask it to save and end."""
        self.stopping = True
        self.job.cancel(check=False)

    def kill(self) -> None:
        """The same: SLURM ends what does not end by itself."""
        self.stop()


@dataclass
class SlurmExecutor:
    """Submits runs."""

    submitter: Any
    at_once: int
    threads: int
    workers: int = 0

    def describe(self) -> str:
        """How runs are submitted."""
        return f"As jobs of SLURM, at most {self.at_once} at a time, {plural(self.threads, 'core')} each"

    def submit(self, folder: Path, run: str) -> SlurmRun:
        """Submit a run."""
        started = SlurmRun(self, folder.resolve(), run)
        started.start()
        return started


@dataclass(frozen=True)
class SlurmEngine:
    """SLURM with the user's options: ``partition``, ``account``, ``time`` (minutes), ``cpus_per_task``, ``qos``, ..."""

    options: Mapping[str, str]
    at_once: int | None = None
    cluster: str = "slurm"
    """As submitit names it; ``local`` runs jobs on this machine, for tests."""

    def require(self) -> None:
        """Raise InputError where submitit or SLURM's own commands are missing."""
        if importlib.util.find_spec("submitit") is None:
            raise InputError("--on slurm needs submitit: pip install 'semivox[slurm]'")
        if self.cluster == "slurm" and shutil.which("sbatch") is None:
            raise InputError(
                "--on slurm needs SLURM's command sbatch, which is not found here; use a login node of the cluster"
            )

    def executor(self, folder: Path, plan: Plan, runs: int, train: TrainSettings) -> SlurmExecutor:
        """Raises InputError where jobs cannot be submitted, or an option is unknown."""
        import submitit

        options = dict(self.options)
        try:
            minutes, threads = int(options.pop("time", MINUTES)), int(options.pop("cpus_per_task", 1))
        except ValueError as error:
            raise InputError(f"--slurm time=MINUTES and cpus_per_task=N are whole numbers: {error}") from error
        memory = max(1, round(1.2 + (MARGIN * plan.forecast.memory_mb if plan.forecast else UNKNOWN_MB) / 1024))
        given = {f"slurm_{name}": value for name, value in options.items()} if self.cluster == "slurm" else {}
        try:
            submitter = submitit.AutoExecutor(folder=folder / ".slurm", cluster=self.cluster)
            submitter.update_parameters(
                timeout_min=minutes, cpus_per_task=threads, mem_gb=memory,
                gpus_per_node=int(train.device == "cuda"), name="semivox", **given,
            )  # fmt: skip
        except (RuntimeError, TypeError, ValueError, NameError) as error:
            raise InputError(f"jobs cannot be submitted to SLURM: {error}") from error
        return SlurmExecutor(submitter, min(runs, self.at_once or AT_ONCE), threads)
