"""Work for pools; imports nothing heavy, so that their processes start fast."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def deed(task: int) -> int:
    """Twice the number; 3 kills its process, 4 stops it."""
    if task in (3, 4):
        os.kill(os.getpid(), signal.SIGKILL if task == 3 else signal.SIGSTOP)
        time.sleep(5)
    return 2 * task


def odd_ones_die(number: int) -> int:
    if number % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_beside_others(folder: Path) -> str:
    """Is killed, as where memory is short, once."""
    seen = folder / "seen"
    if not seen.exists():
        seen.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "read"
