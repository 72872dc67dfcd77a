"""The files that scans are kept in, and whether they are still the same ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.dataset import Dataset
from semivox.data.formats import registry
from semivox.data.formats.integrity import GZIP

TRAILER = 8
"""Bytes at the end of a gzip file: the CRC-32 of what is packed, and its length (RFC 1952)."""


def files_of(path: Path) -> tuple[Path, ...]:
    """All files of one scan: those of a DICOM folder, a header and its voxels, or the file itself."""
    found = registry.find(path)
    return (path,) if found is None else found.files(path)


def digest_of_files(dataset: Dataset) -> str:
    """A short hash of which files there are and what they hold; the same wherever they are copied to.

    Times and folders do not count, so a data set may move to another disk or machine. Of a gzip file the checksum at
    its end stands for all it holds; other files are read whole. Raises InputError for a file that cannot be read.
    """
    lines = []
    for entry in dataset.entries:
        for path in (*entry.images, *([entry.label] if entry.label else [])):
            lines += [f"{entry.name} {file.name} {_digest(file)}" for file in files_of(path)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _digest(path: Path) -> str:
    """What a file holds, in a few letters."""
    if path.is_dir():
        return "folder"
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if file.read(len(GZIP)) == GZIP and size > TRAILER:
                file.seek(-TRAILER, 2)
                return f"{size} {file.read().hex()}"
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
