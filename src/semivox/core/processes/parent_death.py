"""No worker process outlives the run that started it, even one that is killed without a chance to clean up."""

from __future__ import annotations

import ctypes
import os
import sys

from semivox.core.processes.signals import KILL

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(number: int = KILL) -> None:
    """Ask the kernel to kill this worker as soon as its parent dies. Called by the worker when it starts.

    ``number``: the signal that it gets; SIGTERM asks a run to save and stop.

    Linux only; elsewhere workers notice within seconds by themselves. Call it from a thread that lives as long as the
    work: the kernel looks at the thread that started the worker.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died just now, before the request
        os._exit(1)
