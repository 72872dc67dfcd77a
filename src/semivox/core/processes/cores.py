"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

from semivox.core.errors import InputError

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux tells what the processor is called and can do."""
THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""What libraries ask for their number of threads."""

MOST_PROCESSES = 256
"""That a user may ask for: a number that was mistyped would bring the machine down."""


def require_processes(count: int | None) -> None:
    """Raise InputError for a number of processes that cannot be; None: as many as fit."""
    if count is not None and not 1 <= count <= MOST_PROCESSES:
        raise InputError(f"--processes {count}: give 1 to {MOST_PROCESSES} processes")


def usable_cores() -> int:
    """Cores that the system lets this process run on; 1 or more."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limited(threads: int) -> int:
    """So many threads, or fewer where OMP_NUM_THREADS says so: rounding depends on them wherever a run is done."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(threads, int(limit)) if limit.isdecimal() and int(limit) > 0 else threads


def readers_of(threads: int) -> int:
    """Further processes that read patches for a training which has so many threads."""
    return min(2, threads - 1)


def environment_of(threads: int) -> dict[str, str]:
    """This process's environment, for a process that may use so many threads."""
    return {**os.environ, **dict.fromkeys(THREADS, str(threads))}
