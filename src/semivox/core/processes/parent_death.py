"""No worker process outlives the run that started it, even one that is killed without a chance to clean up."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
import threading
from multiprocessing.connection import wait

from semivox.core.processes.signals import KILL

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(number: int = KILL) -> None:
    """Ask the kernel to kill this worker as soon as its parent dies. Called by the worker when it starts.

    ``number``: the signal that it gets; SIGTERM asks a run to save and stop.

    Elsewhere than on Linux a thread of the worker waits for the end of the parent, and ends the worker with it. Call it
    from a thread that lives as long as the work: the kernel looks at the thread that started the worker.
    """
    if sys.platform != "linux":
        if (known := multiprocessing.parent_process()) is not None:
            threading.Thread(target=_end_after, args=(known.sentinel,), daemon=True).start()
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died just now, before the request
        os._exit(1)


def _end_after(sentinel: int) -> None:
    """End this process, whatever it is at, when the one that ``sentinel`` tells of is gone."""
    wait([sentinel])
    os._exit(1)
