"""A finished job that is asked for again in the same words is answered from its folder, where nothing has changed.

Loading what trains and compares takes longer than the answer, so files alone are looked at: the program, the scans and
all that the command names by size, times of change and inode; all that the job wrote by what it holds. Where anything
differs, or cannot be read, nothing is answered, and the job looks at everything itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from semivox.core.errors import SemivoxError
from semivox.core.frozen import Frozen

FILE = "asked.json"
"""Within the job."""
HERE = Path("@JOB@")
"""Stands in what is kept for the job's folder, whose name is nobody's business where a job is passed on."""
PASSED_OVER = {FILE, "lock", "prepared", "checkpoints"}
"""Files and folders of a job in which nothing stands that the answer is made of."""
SETTLED_NS = 2_000_000_000
"""A file changed less than two seconds ago may change again within the same tick of its clock, unseen."""


class Asked(Frozen):
    """What a finished job was asked, and what it was made from (asked.json)."""

    called = "record of a finished job"
    version: Literal[1] = 1
    request: str
    """Digest of the options, and of the files that they name."""
    program: str
    """Digest of which sources of the package there are."""
    scans: str
    """Digest of which files lie in the data folder, and of those elsewhere that belong to it."""
    elsewhere: tuple[str, ...]
    """Files of scans that lie outside the data folder."""
    written: Mapping[str, str]
    """File of the job -> SHA-256 of all its bytes."""
    said: str
    """The answer, with ``HERE`` for the job's folder."""


def answer(request: Mapping[str, Any], data: Path, out: Path) -> str | None:
    """What the job said when it had finished; None where anything is not as it was then."""
    try:
        asked = Asked.load(out / FILE)
        elsewhere = [Path(path) for path in asked.elsewhere]
        same = (
            asked.request == _request(request)
            and asked.program == _program()
            and asked.scans == _listed(data, elsewhere, [out])
            and dict(asked.written) == _written(out)
        )
    except (SemivoxError, OSError):
        return None
    return _named(asked.said, out) if same else None


def _named(said: str, out: Path) -> str:
    """The answer with the job's folder in it, quoted as a shell needs it where a command is told, and only there."""
    in_command = re.compile(rf"(?<= predict ){re.escape(str(HERE))}(\S*)")
    return in_command.sub(lambda found: shlex.quote(f"{out}{found[1]}"), said).replace(str(HERE), str(out))


def remember(request: Mapping[str, Any], data: Path, scans: Iterable[Path], out: Path, said: str) -> None:
    """Keep what a job that has just finished was asked; ``scans``: all files that were read.

    Nothing is kept where a scan has changed within the last seconds, or a file cannot be read.
    """
    with suppress(SemivoxError, OSError):
        elsewhere = sorted({path for path in scans if not path.is_relative_to(data)})
        if any(time.time_ns() - path.stat().st_mtime_ns < SETTLED_NS for path in (*_files(data, [out]), *elsewhere)):
            return
        Asked(
            request=_request(request),
            program=_program(),
            scans=_listed(data, elsewhere, [out]),
            elsewhere=tuple(map(str, elsewhere)),
            written=_written(out),
            said=said,
        ).save(out / FILE)


def forget(out: Path) -> None:
    """From here on the job is no longer the one that was remembered."""
    with suppress(OSError):
        (out / FILE).unlink(missing_ok=True)


def _request(request: Mapping[str, Any]) -> str:
    """The options, and what lies in the files and folders that they name."""
    text = json.dumps(request, sort_keys=True, default=str)
    named = [Path(leaf) for leaf in _leaves(json.loads(text)) if isinstance(leaf, str) and leaf]
    lines = [_digest(path) if path.is_file() else _listed(path, ()) for path in named if _exists(path)]
    return hashlib.sha256("\n".join([text, os.getcwd(), *lines]).encode()).hexdigest()


def _leaves(value: Any) -> Iterator[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if parts is None:
        yield value
        return
    for part in parts:
        yield from _leaves(part)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or no name at all: a word, not a file
        return False


def _program() -> str:
    """The version, and which source files there are: in a checkout they change without it."""
    folder = Path(__file__).parents[1]
    return f"{version('semivox')} {_listed(folder, ())}"


def _listed(folder: Path, more: Iterable[Path], without: Iterable[Path] = ()) -> str:
    """A digest of the files of a folder, or of a file, by place, size, times of change and inode."""
    total = hashlib.sha256()
    for path in (*_files(folder, without), *more):
        found = path.stat()
        times = f"{found.st_mtime_ns} {found.st_ctime_ns}"  # the second cannot be set back
        total.update(f"{path}\n{found.st_size} {times} {found.st_ino}\n".encode(errors="surrogateescape"))
    return total.hexdigest()


def _files(place: Path, without: Iterable[Path] = ()) -> list[Path]:
    """All files below a folder, in order, or the file itself; ``without`` some folders. Raises OSError."""
    if not place.is_dir():
        return [place]
    left_out, seen, found, waiting = set(without), set[tuple[int, int]](), list[Path](), [place]
    while waiting:
        folder = waiting.pop()
        stat = folder.stat()
        if folder in left_out or folder.name == "__pycache__" or (stat.st_dev, stat.st_ino) in seen:
            continue  # a link may lead back to a folder above it
        seen.add((stat.st_dev, stat.st_ino))
        for entry in folder.iterdir():
            (waiting if entry.is_dir() else found).append(entry)
    return sorted(found)


def _written(out: Path) -> dict[str, str]:
    """What the job wrote, but for what is only read while it trains. Raises OSError."""
    places = [path for path in _files(out) if not {path.name, *path.relative_to(out).parts[:-1]} & PASSED_OVER]
    return {path.relative_to(out).as_posix(): _digest(path) for path in places}


def _digest(path: Path) -> str:
    """SHA-256 of a file. Raises OSError, also for what is no regular file, which could be waited for forever."""
    if not path.is_file():
        raise OSError(f"{path} is no file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
