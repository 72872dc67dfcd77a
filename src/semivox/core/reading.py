"""Reading whole files of a moderate size: records, tables, descriptions. Pipes, devices and bombs are refused."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import short
from semivox.core.memory import amount, available
from semivox.core.spelling import not_there

NOT_A_FILE = "is a pipe or a device, not a file"
OPENING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Not blocking: a pipe would wait for somebody to write. Windows knows another flag."""
ROOM = 8
"""Times its size that the values of a file take in memory, at the least."""


def content_of(path: Path, room: int = ROOM) -> bytes:
    """All bytes of a regular file. Raises InputError for one that cannot be read, a pipe, a device, or no room for it.

    ``room``: times its size that must be free.
    """
    try:
        with open(os.open(path, OPENING), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{short(path)} {NOT_A_FILE}; give the file itself")
            if found.st_size * room > (free := available()):
                raise InputError(
                    f"{short(path)} holds {amount(found.st_size)}, too much to be read where {amount(free)} of memory "
                    "are free"
                )
            return file.read()
    except FileNotFoundError as error:
        raise InputError(f"{not_there(path)}; restore it, or give another") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise InputError(f"cannot read {short(path)}: {getattr(error, 'strerror', None) or error}") from error


def text_of(path: Path) -> str:
    """The same as text in UTF-8, without a mark of it at the beginning. Raises InputError."""
    try:
        return content_of(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{short(path)} is not text in UTF-8: {error}") from error


def lines_of(text: str) -> list[str]:
    """Lines with their ends, as csv.reader takes them. Line feeds and carriage returns end one, and nothing else:
    str.splitlines cuts at form feeds and U+2028, too, and so makes two rows of one that a person sees."""
    return io.StringIO(text, newline="").readlines()
