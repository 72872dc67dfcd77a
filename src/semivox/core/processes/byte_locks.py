"""Locks on single bytes of an open file, which end with the process that holds them, however it dies.

POSIX has record locks (``fcntl.lockf``), Windows ``msvcrt.locking``. Both belong to a process, and the byte need not
exist. Windows lets nobody read a locked byte: lock one beyond what the file holds.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import short

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


OPENING = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Not blocking: some devices would wait for somebody at their other end."""
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def open_to_lock(path: Path) -> int:
    """A descriptor of the file, which is made where it is missing.

    Raises InputError where something else than a file stands in its place, OSError where it cannot be opened.
    """
    try:
        descriptor = os.open(path, OPENING, 0o666)
    except OSError:
        if path.exists():
            _require_file(path, path.stat().st_mode)
        raise
    try:
        _require_file(path, os.fstat(descriptor).st_mode)
    except InputError:
        os.close(descriptor)
        raise
    return descriptor


def _require_file(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for found, name in _KINDS if found(mode)), "a device")
        raise InputError(
            f"{short(path)} is {kind}, where a file that marks the work of a process must be; "
            "remove it and run the same command again"
        )


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
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # pyrefly: ignore[missing-attribute]
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
    msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # pyrefly: ignore[missing-attribute]
