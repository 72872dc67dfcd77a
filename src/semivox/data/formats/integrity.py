"""Is the file whole, and is it what its name says? Asked of the bytes, before any image library sees them.

Libraries differ on damaged files: some return a truncated scan as zeros without a word.
"""

from __future__ import annotations

import bz2
import gzip
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from semivox.core.exhaustion import exhausted
from semivox.core.memory import amount, available
from semivox.data.formats.scan import ScanError

CHUNK = 1 << 20
MOST_PACKED = 1032
"""Deflate makes data smaller by this factor at most (RFC 1951: 258 bytes in 2 bits)."""
BOMB = 1 << 30, 900
"""More bytes than this, packed to less than one in so many, are no scan: they are (nearly) all alike."""
SURPLUS = 1 << 26
"""Bytes that may lie behind the voxels, unless the voxels are more."""
GZIP = b"\x1f\x8b"
NIFTI_STARTS = (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c", b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
"""The header's own length (348 or 540), in either byte order."""
HDF5 = (b"\x89HDF\r\n\x1a\n",)


Packing = Literal["gzip", "zlib", "bzip2"]


def require_regular(path: Path) -> None:
    """Refuse pipes, devices and links to them: reading one may wait for ever, or never end. Raises ScanError."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # not there, or not to be opened: whoever opens it says so
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ScanError(
            "not_a_file", f"{path} is a pipe or a device, not a file.", "Remove it, or give the file itself."
        )


def require_room(path: Path, size: int, packed: int) -> None:
    """Refuse voxels that cannot be held, before any memory is taken for them. Raises ScanError.

    ``size``: bytes that the header calls for; ``packed``: bytes of the file that should hold them.
    """
    if size > packed * MOST_PACKED:
        raise truncated(path, f"{packed} bytes cannot hold the {size} that its header calls for")
    if size > BOMB[0] and size > packed * BOMB[1]:
        raise ScanError(
            "unreadable", f"{path} packs {amount(size)} into {amount(packed)}: it is made up, or nearly empty.",
            "Export the scan again; save a label as uint8.",
        )  # fmt: skip
    if size > (free := available()):
        raise ScanError(
            "too_large", f"{path} takes {amount(size)} of memory, and {amount(free)} are free.",
            "Use fewer workers, or a machine with more memory.",
        )  # fmt: skip


def require_kind(path: Path, suffix: str) -> None:
    """Refuse a file whose first bytes do not fit its suffix. Raises ScanError."""
    require_regular(path)
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except FileNotFoundError as error:
        raise ScanError("missing_file", f"{path} does not exist.", "Correct the path or restore the file.") from error
    except OSError as error:
        if exhausted(error):  # nothing of this file, and told as such
            raise
        raise ScanError(
            "unreadable", f"{path} cannot be opened: {error.strerror}.", "Check its permissions."
        ) from error
    if not start:
        raise ScanError("empty_file", f"{path} is empty.", "Copy or download it again.")
    if start.startswith(b"version https://git-lfs"):
        raise ScanError("lfs_pointer", f"{path} is a Git LFS pointer, not the scan.", "Run `git lfs pull`.")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise ScanError(
            "html_page",
            f"{path} is a web page, not a scan: a download ended on a login or error page.",
            "Download it again.",
        )
    _require_suffix(path, suffix, start)


def _require_suffix(path: Path, suffix: str, start: bytes) -> None:
    """The file's first bytes against the start that its suffix calls for."""
    if suffix == ".nii.gz" and start.startswith(NIFTI_STARTS):
        raise ScanError(
            "wrong_suffix", f"{path} is named .nii.gz but is not compressed.", "Rename it to .nii, or gzip it."
        )
    if suffix != ".nii.gz" and start.startswith(GZIP):
        raise ScanError(
            "wrong_suffix",
            f"{path} is named {suffix} but is gzip-compressed.",
            f"Rename it to {suffix}.gz or unpack it.",
        )
    expected = {".nii.gz": (GZIP,), ".nii": NIFTI_STARTS, ".nrrd": (b"NRRD",), ".nhdr": (b"NRRD",), ".h5": HDF5}
    if suffix in expected and not start.startswith(expected[suffix]):
        raise ScanError(
            "unreadable",
            f"{path} is not a {suffix} file: it begins with {start[:8]!r}.",
            "Export it again, or give it the suffix of its true format.",
        )


def gunzip(path: Path, head: int) -> bytes:
    """The first ``head`` bytes of a gzip file, unpacked. Raises ScanError."""
    try:
        with gzip.open(path, "rb") as file:
            return file.read(head)
    except EOFError as error:
        raise truncated(path, "the compressed stream ends in its first bytes") from error
    except (OSError, zlib.error) as error:
        raise _damaged(path, error) from error


def unpack(path: Path, file: BinaryIO, size: int, packing: Packing) -> np.ndarray:
    """Exactly ``size`` unpacked bytes of a stream from where ``file`` stands, verified to its end, checksum included.

    Raises ScanError ``truncated``, ``too_large`` or ``unreadable``. Holds ``size`` bytes at most, and asks for none if
    the file is too small to hold as many.
    """
    require_room(path, size, path.stat().st_size)
    require_no_more(path, path.stat().st_size, size)
    content, count = np.empty(size, np.uint8), 0
    try:
        for part in _parts(file, packing):
            kept = part[: max(size - count, 0)]
            content[count : count + len(kept)] = np.frombuffer(kept, np.uint8)
            count += len(part)
            require_no_more(path, count, size)
    except EOFError as error:
        raise truncated(
            path, f"the compressed stream stops before the {size} bytes that its header calls for"
        ) from error
    except (OSError, zlib.error) as error:
        raise _damaged(path, error) from error
    require_size(path, count, size)
    return content


def _parts(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """The unpacked bytes, part by part. Raises EOFError for a stream without end, OSError or zlib.error for damage."""
    if packing == "zlib":
        yield from _zlib_parts(file)
        return
    with gzip.GzipFile(fileobj=file) if packing == "gzip" else bz2.BZ2File(file) as opened:
        while part := opened.read(CHUNK):
            yield part


def _zlib_parts(file: BinaryIO) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(CHUNK)
        part = unpacker.decompress(packed, CHUNK)
        if not (packed or part):
            raise EOFError
        if part:
            yield part


def require_size(path: Path, received: int, expected: int) -> None:
    """Raise ScanError ``truncated`` if there are fewer bytes than the header calls for."""
    if received < expected:
        raise truncated(path, f"it holds {received} bytes of the {expected} that its header calls for")


def require_no_more(path: Path, received: int, expected: int) -> None:
    """Raise ScanError ``unreadable`` if there are far more bytes than the header calls for: all of them would be read
    wherever a file is hashed, and a size in the header is likely wrong."""
    if received > expected + max(expected, SURPLUS):
        text = f"{path} holds far more than the {expected} bytes that its header calls for."
        raise ScanError("unreadable", text, "It is damaged or made up; export the scan again.")


def truncated(path: Path, how: str) -> ScanError:
    """The error for a file that stops too early."""
    return ScanError("truncated", f"{path} is truncated: {how}.", "Copy or download it again.")


def _damaged(path: Path, error: Exception) -> ScanError:
    return ScanError("unreadable", f"{path} is damaged: {error}.", "Copy or download it again.")
