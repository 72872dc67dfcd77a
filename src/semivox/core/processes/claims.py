"""Who works on what, among processes that share a folder: each item is claimed by one of them at a time.

A claim is a lock on one byte of a file, so it ends with its process however that dies, and thousands of items
need no thousands of files.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semivox.core.files import writing
from semivox.core.processes.byte_locks import HELD, lock_byte, open_to_lock, unlock_byte

PLACES = 1 << 30
"""Bytes of the (empty) file that items are spread over; two items on one byte would only wait for one another."""


class Claims:
    """The items of one folder. Of one process at a time one item is claimed: a record lock knows no threads."""

    def __init__(self, file: Path) -> None:
        """``file`` is made where it is missing. Raises SemivoxError where that cannot be."""
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            self.descriptor = open_to_lock(file)
        self.file = file

    def close(self) -> None:
        """Give up all claims."""
        os.close(self.descriptor)

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def claim(self, item: str, wait: bool = False) -> Iterator[bool]:
        """Whether the item is ours for as long as the block lasts; ``wait``: for another process to be done with it.

        Where the file system knows no locks every claim is granted, with a warning: work may then be done twice.
        """
        place = int.from_bytes(hashlib.sha256(item.encode()).digest()[:8]) % PLACES
        try:
            lock_byte(self.descriptor, place, wait)
        except OSError as error:
            if error.errno in HELD:
                yield False
                return
            warnings.warn(
                f"{self.file} cannot be locked ({error.strerror}); the same work may be done twice", stacklevel=3
            )
            yield True
            return
        try:
            yield True
        finally:
            unlock_byte(self.descriptor, place)
