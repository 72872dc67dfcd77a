"""The files that scans are kept in, and whether they are still the same ones."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.dataset import Dataset
from semivox.data.formats import registry
from semivox.data.formats.integrity import GZIP, require_regular

TRAILER = 8
"""Bytes at the end of a gzip file: checksum and length of what it holds."""
SETTLED_NS = 2_000_000_000
"""A file changed less than two seconds ago may change again within the same tick of its clock, unseen."""
_known: dict[tuple[int, int, int, int, int], str] = {}
"""Device, inode, size, times of modification and of change -> hash, for as long as this process lives."""


def files_of(path: Path) -> tuple[Path, ...]:
    """All files of one scan: those of a DICOM folder, a header and its voxels, or the file itself."""
    found = registry.find(path)
    return (path,) if found is None else found.files(path)


def scan_files(dataset: Dataset) -> tuple[Path, ...]:
    """All files of images and labels of a data set."""
    paths = [p for entry in dataset.entries for p in (*entry.images, *([entry.label] if entry.label else []))]
    return tuple(file for path in paths for file in files_of(path))


def digest_of_files(dataset: Dataset) -> str:
    """A short hash of which files there are and what they hold; the same wherever they are copied to.

    Times and folders do not count, so a data set may move to another disk or machine. Raises InputError for a file
    that cannot be read, and for a pipe or a device.
    """
    return _together(dataset, _digest)


def early_digest_of_files(dataset: Dataset) -> str:
    """The same as the first jobs and studies kept it: of a gzip file, its size and the checksum at its end."""
    return _together(dataset, _early_digest)


def _together(dataset: Dataset, digest: Callable[[Path], str]) -> str:
    lines = []
    for entry in dataset.entries:
        for path in (*entry.images, *([entry.label] if entry.label else [])):
            lines += [f"{entry.name} {file.name} {digest(file)}" for file in files_of(path)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def digest_of(path: Path) -> str:
    """The SHA-256 of all bytes of a file. Raises InputError for what cannot be read, or is a pipe or a device.

    A file is read once in a process: it counts as unchanged while device, inode, size and both its times are the same,
    unless the later lay within the last two seconds when it was read. No program can put back the time of change.
    """
    with _opened(path) as file:
        stat = os.fstat(file.fileno())
        key = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if key in _known:
            return _known[key]
        began = time.time_ns()
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if began - max(stat.st_mtime_ns, stat.st_ctime_ns) > SETTLED_NS:
        _known[key] = found
    return found


def fresh_digest_of(path: Path) -> str:
    """The same, read anew at each call, for files that may be replaced while this process lives."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """A regular file, open for reading. Raises InputError for what cannot be read, or is a pipe or a device."""
    require_regular(path)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from error


def _digest(path: Path) -> str:
    """What a file holds, in a few letters."""
    if path.is_dir():
        return "folder"
    return digest_of(path) if path.exists() else "missing"


def _early_digest(path: Path) -> str:
    if path.is_dir() or not path.exists():
        return _digest(path)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(GZIP)) != GZIP or size <= TRAILER:
            return digest_of(path)
        file.seek(-TRAILER, os.SEEK_END)
        return f"{size} {file.read().hex()}"
