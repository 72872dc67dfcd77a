"""Files that are whole or absent: written beside their place, flushed to disk, and moved there in one step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from semivox.core.errors import SemivoxError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns a failed write (disk full, read-only, no permission) into a sentence that names the file."""
    try:
        yield
    except OSError as error:
        raise SemivoxError(
            f"cannot write {path}: {error.strerror or error}. What was saved before is untouched: make room or give "
            "write permission and start the same command again, or give another --out"
        ) from error


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write(temporary path)``, flush to disk, and rename to ``path``: readers see the old file or the new.

    Raises SemivoxError naming the file when the write fails; then the old file stands and the temporary one is gone.
    """
    temporary = path.with_name(path.name + ".writing")
    with writing(path):
        try:
            write(temporary)
            put(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):  # half a file would take the room that is lacking
                temporary.unlink(missing_ok=True)
            raise


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
    begun = {"lock", f"{first}.writing"}
    return not folder.is_dir() or all(entry.name in begun for entry in folder.iterdir())


def _flush_folder(folder: Path) -> None:
    """The new name, too, must outlive a power cut."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
