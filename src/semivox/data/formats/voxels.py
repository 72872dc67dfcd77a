"""The voxels behind a text header (NRRD, MetaImage): read by our own account of the header, and counted.

No other program parses the header again, so nothing can be hidden in it: what was judged is what is read.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

import semivox.data.formats.integrity as integrity
from semivox.data.formats.scan import ScanError

Encoding = Literal["raw", "packed", "bzip2", "text", "hex"]
MOST_SKIPPED = 1 << 30
"""Bytes before the voxels; what other programs put there is kilobytes."""
MOST_DIGITS = 40
"""Bytes that a number takes in a text, at most."""


@dataclass(frozen=True)
class Voxels:
    """Where the numbers of a scan are, and how they are kept."""

    file: Path
    start: int
    """Bytes of header before the data in the same file."""
    dtype: np.dtype
    count: int
    encoding: Encoding = "raw"
    lines: int = 0
    """Lines to be skipped before the data."""
    skip: int = 0
    """Bytes to be skipped (of unpacked data where it is packed); -1: the data are the last bytes of the file."""

    @property
    def size(self) -> int:
        """Bytes of the voxels."""
        return self.count * self.dtype.itemsize


def require_there(path: Path, voxels: Voxels) -> None:
    """The file exists and is regular; where voxels lie unpacked, all are there. Reads none. Raises ScanError."""
    if voxels.file != path:
        if not os.path.exists(voxels.file):  # unlike Path.exists, also answers for a name that no system allows
            raise ScanError(
                "missing_file",
                f"{path} refers to its voxels in {voxels.file.name[:200]}, which does not exist.",
                "Copy that file beside the header, under the name that the header gives.",
            )
        integrity.require_regular(voxels.file)
        integrity.require_no_more(path, path.stat().st_size, 0)
    received = voxels.file.stat().st_size - voxels.start - max(voxels.skip, 0)
    if voxels.encoding == "raw":
        integrity.require_size(voxels.file, received, voxels.size)
    integrity.require_no_more(
        voxels.file, received, voxels.size * (MOST_DIGITS if voxels.encoding in ("text", "hex") else 1)
    )


def require_written(path: Path, voxels: Voxels) -> None:
    """Raise OSError where voxels that were just written cannot be read back: a full disk may cut them off silently."""
    try:
        read_voxels(path, voxels)
    except ScanError as error:
        raise OSError(errno.EIO, "it could not be written whole; is the disk full?") from error


def read_voxels(path: Path, voxels: Voxels) -> np.ndarray:
    """All numbers (count,) in native byte order. Raises ScanError for too few, or a damaged stream."""
    require_there(path, voxels)
    integrity.require_room(path, voxels.size, max(voxels.file.stat().st_size, 1))
    with voxels.file.open("rb") as file:
        file.seek(voxels.start)
        for _ in range(voxels.lines):
            file.readline()
        content = _content(voxels, file)
    return content.astype(voxels.dtype.newbyteorder("="), copy=False)


def _content(voxels: Voxels, file: BinaryIO) -> np.ndarray:
    """The numbers from where the file stands."""
    if voxels.encoding == "raw":
        if voxels.skip < 0:
            file.seek(-voxels.size, 2)
        else:
            file.seek(voxels.skip, 1)
        found = np.fromfile(file, voxels.dtype, voxels.count)
        integrity.require_size(voxels.file, found.nbytes, voxels.size)
        return found
    if voxels.encoding in ("text", "hex"):
        return _words(voxels, file)
    whole = integrity.unpack(voxels.file, file, voxels.size + voxels.skip, _packing(voxels.encoding, file))
    return whole[voxels.skip :].view(voxels.dtype)


def _packing(encoding: Encoding, file: BinaryIO) -> integrity.Packing:
    """The kind of stream that begins where the file stands; zlib and gzip are told by their first bytes."""
    if encoding == "bzip2":
        return "bzip2"
    start = file.read(len(integrity.GZIP))
    file.seek(-len(start), 1)
    return "gzip" if start == integrity.GZIP else "zlib"


def _words(voxels: Voxels, file: BinaryIO) -> np.ndarray:
    """Numbers written as text, or bytes as pairs of hexadecimal digits."""
    text = file.read((MOST_DIGITS if voxels.encoding == "text" else 3) * max(voxels.size, 1))
    try:
        if voxels.encoding == "hex":
            content = np.frombuffer(bytes.fromhex(text.decode("ascii"))[: voxels.size], np.uint8)
            integrity.require_size(voxels.file, content.nbytes, voxels.size)
            return content.view(voxels.dtype)
        words = text.replace(b",", b" ").split()[: voxels.count]
        integrity.require_size(voxels.file, len(words) * voxels.dtype.itemsize, voxels.size)
        return np.array([word.decode("ascii") for word in words]).astype(voxels.dtype)
    except (ValueError, OverflowError) as error:
        raise ScanError(
            "unreadable", f"{voxels.file}: the voxels are written as text, and some are no numbers.", "Export it again."
        ) from error
