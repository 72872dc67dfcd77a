"""A folder that one process works on at a time."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.processes.byte_locks import BEYOND, HELD, lock_byte, open_to_lock

POLL = 0.2
"""Seconds between tries to get a lock that another process holds."""

_held: set[tuple[int, Path]] = set()
"""Process and lock file of the locks held here. A record lock is no obstacle within its own process, so we remember;
the process number is part of the key because a forked child inherits this set but none of the locks."""


@contextmanager
def locked(folder: Path, name: str = "lock", patience: float = 0.0) -> Iterator[None]:
    """Hold the folder: a second process, or a second call in this one, gets an InputError that names the folder.

    ``patience``: seconds for which another process that holds it is waited for.

    The lock is on a byte of the file ``folder/name`` (see byte_locks). It belongs to the process alone and ends with it
    however it dies: a data worker that outlives a killed run for some seconds does not keep the folder from its
    successor, as it would with flock(2), whose lock belongs to an open file that forked workers share.
    """
    path = Path(os.path.realpath(folder / name))
    key = (os.getpid(), path)
    if key in _held:  # before the file is opened: closing any descriptor of it would drop the lock
        raise InputError(f"another process is working on {folder}: this one; finish that first, or give another --out")
    try:
        descriptor = open_to_lock(folder / name)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}; give another --out") from error
    try:
        _claim(descriptor, folder, time.monotonic() + patience)
        _held.add(key)
        yield
    finally:
        _held.discard(key)
        os.close(descriptor)


def _claim(descriptor: int, folder: Path, deadline: float) -> None:
    """Take the lock and write into the file who has it. Raises InputError if another process has, up to a deadline."""
    try:
        while not _taken(descriptor, time.monotonic() > deadline):
            time.sleep(POLL)
    except OSError as error:
        if error.errno not in HELD:  # a network file system without locks
            warnings.warn(f"{folder} cannot be locked ({error.strerror}); do not start a second process on it",
                          stacklevel=4)  # fmt: skip
            return
        os.lseek(descriptor, 0, os.SEEK_SET)
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        raise InputError(
            f"another process is working on {folder}{f' (process {holder})' if holder.isdigit() else ''}; "
            "wait for it, or give another --out"
        ) from error
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, f"{os.getpid()}\n".encode())


def _taken(descriptor: int, last: bool) -> bool:
    """Try to take the lock. Raises OSError if it cannot be had, where another process has it on the last try only."""
    try:
        lock_byte(descriptor, BEYOND)
    except OSError as error:
        if last or error.errno not in HELD:
            raise
        return False
    return True
