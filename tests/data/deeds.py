"""Work for pools; imports nothing heavy, so that their processes start fast."""

from __future__ import annotations

import os
import signal
import time


def deed(task: int) -> int:
    """Twice the number; 3 kills its process, 4 stops it."""
    if task in (3, 4):
        os.kill(os.getpid(), signal.SIGKILL if task == 3 else signal.SIGSTOP)
        time.sleep(5)
    return 2 * task
