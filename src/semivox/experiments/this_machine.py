"""The engine where nobody names another: this machine, as many trainings at once as it has room for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semivox.core.plan import Plan
from semivox.experiments.executor import Executor
from semivox.experiments.local_processes import LocalProcesses
from semivox.experiments.this_process import ThisProcess
from semivox.training.settings import TrainSettings


@dataclass(frozen=True)
class ThisMachine:
    """Processes of this machine; none beside the one that asks where training is to have no ``workers``."""

    processes: int | None = None
    """Trainings at once; None: as many as fit."""

    def require(self) -> None:
        """It is there."""

    def executor(self, folder: Path, plan: Plan, runs: int, train: TrainSettings) -> Executor:
        """Who does ``runs`` runs of this plan."""
        if self.processes is None and train.workers == 0:
            return ThisProcess()
        return LocalProcesses.fitting(plan, runs, self.processes, train.device, train.devices)
