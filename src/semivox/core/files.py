"""Files that are whole or absent: written beside their place, flushed to disk, and moved there in one step."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from semivox.core.errors import InputError, SemivoxError


def _numbering() -> str:
    """Among whom process numbers are unique: a machine, on Linux also one container of it."""
    with contextlib.suppress(OSError):
        return f"{platform.node()} {Path('/proc/self/ns/pid').stat().st_ino}"
    return platform.node()


HOST = hashlib.sha256(_numbering().encode()).hexdigest()[:6]
"""Which machine (or container) this is, for folders that several share: a number of another's process says nothing."""
UNFINISHED = re.compile(r"^\.(?P<stem>.+)\.(?P<host>[0-9a-f]{6})-(?P<process>\d+)-\d+\.writing(?P<suffix>.*)$")
NO_PLACE = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.EEXIST)
"""What the system says of a path that cannot be, whatever room and permission there are."""
_calls = itertools.count()
_swept: set[Path] = set()
"""Folders in which this process has taken away what others left."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns a failed write (disk full, read-only, no permission) into a sentence that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_PLACE:
            raise InputError(f"cannot write {short(path)}: {error.strerror}; give another place") from error
        raise SemivoxError(
            f"cannot write {path}: {error.strerror or error}. What was saved before is untouched: make room or give "
            "write permission and run the same command again, or give another --out"
        ) from error


def short(path: object) -> str:
    """A path as a sentence shows it: of an endless one, the beginning."""
    text = str(path)
    return text if len(text) <= 300 else f"{text[:200]}... ({len(text)} letters)"


def make_folder(path: Path) -> None:
    """Make a folder, and those above it. Raises SemivoxError naming it where it cannot be."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write(temporary path)``, flush to disk, and rename to ``path``: readers see the old file or the new.

    Raises SemivoxError naming the file when the write fails; then the old file stands and the temporary one is gone.
    """
    temporary = beside(path)
    with writing(path):
        try:
            write(temporary)
            put(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):  # half a file would take the room that is lacking
                temporary.unlink(missing_ok=True)
            raise


def beside(path: Path, suffix: str = "") -> Path:
    """A name beside a file to write it under until it is whole, of this process and call alone.

    ``suffix``: kept at the end, for writers that go by it. The first such name in a folder also takes away what
    processes of this machine that are gone left there. Raises InputError for a path that can be no file's.
    """
    if path.name in ("", ".."):
        raise InputError(f"{path} is a folder; give the name of a file in it")
    if path.parent not in _swept:
        _swept.add(path.parent)
        _sweep(path.parent)
    stem = path.name.removesuffix(suffix) if suffix else path.name
    return path.with_name(f".{stem}.{HOST}-{os.getpid()}-{next(_calls)}.writing{suffix}")


def final_name(name: str) -> str:
    """The name that a file is going to have which stands under a name of ``beside``; other names as they are."""
    match = UNFINISHED.match(name)
    return name.removesuffix(".writing") if match is None else match["stem"] + match["suffix"]


def _sweep(folder: Path) -> None:
    """Remove what processes of this machine that are gone did not finish."""
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            match = UNFINISHED.match(entry.name)
            if match is None or match["host"] != HOST or psutil.pid_exists(int(match["process"])):
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def put(temporary: Path, path: Path) -> None:
    """Flush a file to disk and rename it: also after a power cut, what has the name is whole."""
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)
    _flush_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Text (UTF-8) in one step. Raises SemivoxError."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def fresh(folder: Path, first: str) -> bool:
    """Whether a folder is not there, empty, or left by a process that was killed while it wrote the file ``first``."""
    return not folder.is_dir() or all(
        final_name(entry.name) in ("lock", first) and entry.name != first for entry in folder.iterdir()
    )


def _flush_folder(folder: Path) -> None:
    """The new name, too, must outlive a power cut. Windows keeps names in its journal and opens no folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
