"""Is the file whole, and is it what its name says? Asked of the bytes, before any image library sees them.

Libraries differ on damaged files: some return a truncated scan as zeros without a word.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from semivox.data.formats.scan import ScanError

CHUNK = 1 << 20
MOST_PACKED = 1032
"""Deflate makes data smaller by this factor at most (RFC 1951: 258 bytes in 2 bits)."""
SURPLUS = 1 << 26
"""Bytes behind the voxels that are read to verify a checksum, unless the voxels are more."""
GZIP = b"\x1f\x8b"
NIFTI_STARTS = (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c", b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
"""The header's own length (348 or 540), in either byte order."""


def require_kind(path: Path, suffix: str) -> None:
    """Refuse a file whose first bytes do not fit its suffix. Raises ScanError."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except FileNotFoundError as error:
        raise ScanError("missing_file", f"{path} does not exist.", "Correct the path or restore the file.") from error
    except OSError as error:
        raise ScanError(
            "unreadable", f"{path} cannot be opened: {error.strerror}.", "Check its permissions."
        ) from error
    if not start:
        raise ScanError("empty_file", f"{path} holds no bytes.", "Copy or download it again.")
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
    expected = {".nii.gz": (GZIP,), ".nii": NIFTI_STARTS, ".nrrd": (b"NRRD",), ".nhdr": (b"NRRD",)}
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


def gunzip_all(path: Path, size: int) -> bytes:
    """Exactly ``size`` unpacked bytes of a gzip file whose stream was verified to its end, checksum included.

    Raises ScanError ``truncated`` or ``unreadable``. Holds ``size`` bytes at most, and asks for none if the file is too
    small to hold as many.
    """
    require_size(path, path.stat().st_size * MOST_PACKED, size)
    try:
        with gzip.open(path, "rb") as file:
            content, surplus = file.read(size), 0
            while chunk := file.read(CHUNK):  # to the end: only there does gzip compare its checksum
                surplus += len(chunk)
                if surplus > max(size, SURPLUS):
                    raise ScanError(
                        "unreadable", f"{path} holds far more than the {size} bytes that its header calls for.",
                        "It is damaged or made up; export the scan again.",
                    )  # fmt: skip
    except EOFError as error:
        raise truncated(path, "the compressed stream has no end") from error
    except (OSError, zlib.error) as error:
        raise _damaged(path, error) from error
    require_size(path, len(content), size)
    return content


def require_stream(path: Path, file: BinaryIO, size: int) -> None:
    """Unpack a zlib or gzip stream from where ``file`` stands and count: it must end, and hold ``size`` bytes."""
    unpack = zlib.decompressobj(wbits=47)  # 47: zlib or gzip, told from the first bytes
    count = 0
    try:
        while not unpack.eof and (chunk := unpack.unconsumed_tail or file.read(CHUNK)):
            count += len(unpack.decompress(chunk, CHUNK * 16))
            if count > size + max(size, SURPLUS):
                raise ScanError(
                    "unreadable", f"{path} holds far more than the {size} bytes that its header calls for.",
                    "It is damaged or made up; export the scan again.",
                )  # fmt: skip
    except zlib.error as error:
        raise _damaged(path, error) from error
    if not unpack.eof:
        raise truncated(path, f"the compressed stream has no end after {count} of {size} bytes")
    require_size(path, count, size)


def require_size(path: Path, received: int, expected: int) -> None:
    """Raise ScanError ``truncated`` if there are fewer bytes than the header calls for."""
    if received < expected:
        raise truncated(path, f"it holds {received} bytes of the {expected} that its header calls for")


def truncated(path: Path, how: str) -> ScanError:
    """The error for a file that stops too early."""
    return ScanError("truncated", f"{path} is truncated: {how}.", "Copy or download it again.")


def _damaged(path: Path, error: Exception) -> ScanError:
    return ScanError("unreadable", f"{path} is damaged: {error}.", "Copy or download it again.")
