"""How much memory may still be taken, asked before it is: a file's claim must not end the program, or the machine."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import psutil

resource: Any = None
with contextlib.suppress(ImportError):  # Windows knows no limits of this kind
    import resource

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux tells the limits of a container (version 2)."""


def available() -> int:
    """Bytes that this process may still take: what is free, within the limits of container and process."""
    free = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):  # no container, or no limit ("max")
        limit = int((CGROUP / "memory.max").read_text())
        free = min(free, limit - int((CGROUP / "memory.current").read_text()) + _reclaimable())
    most = resource.getrlimit(resource.RLIMIT_AS)[0] if resource else None
    if most is not None and most != resource.RLIM_INFINITY:
        free = min(free, most - psutil.Process().memory_info().vms)
    return max(free, 0)


def peak() -> int:
    """The most bytes of memory that this process has held at once."""
    if resource is None:  # Windows
        held = psutil.Process().memory_info()
        return int(getattr(held, "peak_wset", held.rss))
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def amount(size: float) -> str:
    """Bytes in words, such as ``1.5 GB``.

    >>> amount(1_500_000_000)
    '1.5 GB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB" if size < 1000 else f"{size:.1e} TB"


def _reclaimable() -> int:
    """Bytes of cached files, which a container gives back when memory is asked for."""
    lines = (CGROUP / "memory.stat").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
