"""Which of several processes this is, where a launcher (torchrun, srun) has started them beside one another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from semivox.core.errors import InputError
from semivox.core.plurals import plural

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK")
"""What torchrun sets, beside the texts below. Only all of them together mean that it was torchrun."""
LONGEST = 18
"""Digits of a number that can be one of these."""
TORCHRUN_TEXTS = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
SRUN = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES", "SLURM_NODEID", "SLURM_JOB_ID")
"""What srun sets for the processes of a step (a batch script has no step, an interactive shell has one of one task)."""
SRUN_TEXTS = ("SLURM_STEP_NODELIST",)
MEDDLING = (*TORCHRUN, "NODE_RANK", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")
"""Variables by which libraries would take a process for one of several, whoever left them there."""


@dataclass(frozen=True)
class Launched:
    """This process among those that a launcher has started."""

    launcher: str
    rank: int
    size: int
    """Processes in all."""
    local_rank: int
    """Among those of this machine."""
    devices: int
    """Processes on each machine."""
    nodes: int
    node: int
    """Number of this machine."""
    address: str
    """Of the machine of rank 0: a host name, or srun's list of all that begins with it."""
    port: int


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """What the launcher says; None where there is none, or one process only, or not all of its variables."""
    torchrun = _numbers(environment, TORCHRUN, TORCHRUN_TEXTS)
    port = _port(environment.get("MASTER_PORT", ""))
    if torchrun is not None and port is not None:
        rank, local, size, devices, node = torchrun
        address = environment["MASTER_ADDR"]
        return _sane(Launched("torchrun", rank, size, local, devices, size // max(devices, 1), node, address, port))
    srun = _numbers(environment, SRUN, SRUN_TEXTS)
    if srun is not None:
        rank, local, size, nodes, node, job = srun
        return _sane(
            Launched(
                *("srun", rank, size, local, size // max(nodes, 1), nodes, node),
                environment.get("MASTER_ADDR") or environment["SLURM_STEP_NODELIST"],
                15000 + job % 10000 if port is None else port,
            )
        )
    return None


def first_process() -> bool:
    """Whether this is the first of the processes that a launcher has started, or the only one."""
    here = launched()
    return here is None or here.rank == 0


def require_alone(command: str) -> None:
    """Raise InputError for a command that several processes cannot do together."""
    here = launched()
    if here is not None:
        raise InputError(
            f"{here.launcher} has started {here.size} processes of semivox {command}, which would all do the same in "
            f"one folder; start it without {here.launcher} (only semivox train shares its work among processes)"
        )


def _numbers(environment: Mapping[str, str], names: tuple[str, ...], texts: tuple[str, ...]) -> list[int] | None:
    """Their values, if all are there and whole numbers."""
    found = [environment.get(name, "") for name in names]
    if not all(text.isdecimal() and len(text) <= LONGEST for text in found) or not all(map(environment.get, texts)):
        return None
    return [int(text) for text in found]


def _port(text: str) -> int | None:
    """The number of a port; None for a text that names none."""
    return int(text) if text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536 else None


def _sane(found: Launched) -> Launched | None:
    """None for one process alone. Raises InputError where the numbers contradict each other."""
    if found.size == 1:
        return None
    if found.rank >= found.size or found.local_rank >= found.devices or found.devices * found.nodes != found.size:
        raise InputError(
            f"{found.launcher} announces {found.size} processes on {plural(found.nodes, 'machine')} with "
            f"{found.devices} each, "
            f"and this one as number {found.rank}; start the same number on every machine"
        )
    return found
