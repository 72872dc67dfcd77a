"""Where runs may be done, by name."""

from __future__ import annotations

from collections.abc import Mapping

from semivox.core.errors import InputError
from semivox.core.processes.cores import require_processes
from semivox.core.spelling import suggestion
from semivox.experiments.executor import Engine
from semivox.experiments.on_ray import RayEngine
from semivox.experiments.on_slurm import SlurmEngine
from semivox.experiments.this_machine import ThisMachine

NAMES = ("here", "ray", "slurm")
"""This machine's own processes, a Ray cluster, jobs of SLURM."""


def engine_of(
    name: str, address: str = "auto", processes: int | None = None, slurm: Mapping[str, str] | None = None
) -> Engine:
    """The engine of this name. Raises InputError for another name, for options that it has not, and where it cannot be
    had.

    ``processes``: trainings at once, None: as many as fit; ``address``: of a Ray cluster; ``slurm``: options of SLURM,
    such as ``{"partition": "gpu"}``.
    """
    if name not in NAMES:
        raise InputError(f"--on {name}{suggestion(name, NAMES)}: trainings can run on {', '.join(NAMES)}")
    if name != "ray" and address != "auto":
        raise InputError(f"--address goes with --on ray, not with --on {name}")
    if name != "slurm" and slurm:
        raise InputError(f"--slurm goes with --on slurm, not with --on {name}")
    require_processes(processes)
    if name == "here":
        return ThisMachine(processes)
    engine: Engine = RayEngine(address, processes) if name == "ray" else SlurmEngine(dict(slurm or {}), processes)
    engine.require()
    return engine
