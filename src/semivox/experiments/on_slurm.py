"""Runs as jobs of SLURM, by submitit: one job a run, each on whatever node the scheduler finds.

A job that nears its time limit gets a signal, saves, and ends with exit code 75; it is submitted again and resumes.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.processes.cores import readers_of
from semivox.experiments.executor import gpus_of, remark_on
from semivox.experiments.local_processes import memory_mb
from semivox.experiments.slurm_queue import Queue, has_gpus, refused
from semivox.experiments.slurm_run import SlurmRun, job
from semivox.training.settings import TrainSettings

AT_ONCE = 64
"""Jobs that stand in the queue or run at the same time, where the user does not say."""
MINUTES = 120
"""Time limit of a job where the user gives none; a longer training takes several jobs."""
LEAST_MINUTES = 5
"""A job starts Python, loads, and saves when it is asked to, 90 s before its end."""
SUBMITIT_ONLY = frozenset(
    [
        "additional_parameters",
        "array_parallelism",
        "setup",
        "teardown",
        "signal_delay_s",
        "srun_args",
        "stderr_to_stdout",
        "use_srun",
    ]
)
"""Options that submitit knows and sbatch does not."""
GPUS = ("gres", "num_gpus", "gpus_per_node", "gpus_per_task")
MEMORY = ("mem", "mem_per_cpu", "mem_per_gpu")
"""Options of which one replaces ours of the same kind."""


@dataclass
class SlurmExecutor:
    """Submits runs."""

    submitter: Any
    at_once: int
    cores: int
    gpus: int = 0
    workers: int = 0
    remark: str = ""
    queue: Queue = field(default_factory=Queue)

    def describe(self) -> str:
        """How runs are submitted."""
        gpus = f" and {plural(self.gpus, 'GPU')}" * bool(self.gpus)
        return (
            f"As jobs of SLURM, at most {self.at_once} at a time, {plural(self.cores, 'core')}{gpus} each{self.remark}"
        )

    def submit(self, folder: Path, run: str) -> SlurmRun:
        """Submit a run. Raises InputError where SLURM does not take it."""
        started = SlurmRun(self, folder.resolve(), run)
        started.start()
        return started

    def submitted(self, run: SlurmRun) -> Any:
        """A new job."""
        self.submitter.update_parameters(job_name=run.name)
        try:
            return self.submitter.submit(job, str(run.folder), run.run, self.workers)
        except Exception as error:  # of submitit, with all that sbatch said
            said = [line for line in str(error).splitlines() if line.startswith("sbatch: error:")]
            raise InputError(f"SLURM does not take the job: {' '.join(said) or error}") from error

    def earlier(self, number: str) -> Any:
        """A job that an earlier command submitted, and that has not ended."""
        import submitit

        return submitit.SlurmJob(folder=self.submitter.folder, job_id=number)


@dataclass(frozen=True)
class SlurmEngine:
    """SLURM with the user's options: ``partition``, ``account``, ``time`` (minutes), ``cpus_per_task``, ``qos``, ..."""

    options: Mapping[str, str]
    at_once: int | None = None

    def require(self) -> None:
        """Raise InputError where submitit or SLURM's own commands are missing, or SLURM would not take such jobs."""
        if importlib.util.find_spec("submitit") is None:
            raise InputError("--on slurm needs submitit: pip install 'semivox[slurm]'")
        for command in ("sbatch", "squeue", "scancel", "srun"):
            if shutil.which(command) is None:
                raise InputError(
                    f"--on slurm needs SLURM's command {command}, which is not found here; use a login node of the "
                    "cluster"
                )
        with tempfile.TemporaryDirectory() as nowhere:
            self._submitter(Path(nowhere))
        if said := refused({name: value for name, value in self.options.items() if name not in SUBMITIT_ONLY}):
            raise InputError(f"SLURM does not take such jobs: {said}")

    def executor(self, folder: Path, plan: Plan, runs: int, train: TrainSettings) -> SlurmExecutor:
        """Raises InputError where an option is unknown."""
        gigabytes = max(1, round((1.2 + memory_mb(plan) / 1024) * train.devices))
        gpus = gpus_of(train, train.device == "auto" and has_gpus(self.options.get("partition")))
        cores = self._number("cpus_per_task", train.devices)
        submitter = self._submitter(folder.resolve() / ".slurm", gigabytes, gpus, cores)
        readers = readers_of(max(1, cores // train.devices))
        at_once = min(runs, self.at_once or AT_ONCE)
        return SlurmExecutor(submitter, at_once, cores, gpus, readers, remark_on(plan, gpus))

    def _number(self, name: str, default: int) -> int:
        """An option that is a whole number."""
        try:
            return int(self.options.get(name, default))
        except ValueError:
            raise InputError(f"--slurm {name}={self.options[name]}: a whole number is wanted") from None

    def _submitter(self, folder: Path, gigabytes: int = 1, gpus: int = 0, cores: int = 1) -> Any:
        """submitit's executor with all options. Raises InputError for one that it does not know, or that cannot be."""
        import submitit

        minutes, threads = self._number("time", MINUTES), self._number("cpus_per_task", cores)
        if minutes < LEAST_MINUTES or threads < 1:
            raise InputError(
                f"--slurm time={minutes} and cpus_per_task={threads}: a job needs at least {LEAST_MINUTES} minutes (90 "
                "s before they are over it saves) and 1 core"
            )
        ours: dict[str, Any] = {} if any(name in self.options for name in MEMORY) else {"mem": f"{gigabytes}GB"}
        if not any(name in self.options for name in GPUS):
            ours["gpus_per_node"] = gpus
        given = {
            **ours,
            **self.options,
            "cpus_per_task": threads,
            "time": minutes,
        }
        try:
            submitter = submitit.SlurmExecutor(folder=folder)
            submitter.update_parameters(**given)
        except (RuntimeError, TypeError, ValueError, NameError) as error:
            said, *known = str(error).splitlines()
            names = ", ".join(line.split()[1] for line in known if line.startswith("  - "))
            raise InputError(f"--slurm: {said}" + f"; there are {names}" * bool(names)) from error
        return submitter
