"""Locks on single bytes of an open file, which end with the process that holds them, however it dies.

POSIX has record locks (``fcntl.lockf``), Windows ``msvcrt.locking``. Both belong to a process, and the byte need not
exist. Windows lets nobody read a locked byte: lock one beyond what the file holds.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any

msvcrt: Any = None
fcntl: Any = None
try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""What the system says where another process holds a lock."""
BEYOND = (1 << 31) - 2
"""A place that no locked file of ours reaches; Windows counts places with 31 bits."""
POLL = 0.2
"""Seconds between tries, on Windows, to get a lock that another process holds."""


def lock_byte(descriptor: int, place: int, wait: bool = False) -> None:
    """Lock the byte at ``place``; ``wait`` until another process lets it go.

    Raises OSError: with an error number of ``HELD`` where another process holds it, others where the file system
    knows no locks.
    """
    if fcntl is not None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        return
    while True:
        os.lseek(descriptor, place, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if not wait or error.errno not in HELD:
                raise
            time.sleep(POLL)
        else:
            return


def unlock_byte(descriptor: int, place: int) -> None:
    """Let go of the byte at ``place``."""
    if fcntl is not None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)
        return
    os.lseek(descriptor, place, os.SEEK_SET)
    msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
