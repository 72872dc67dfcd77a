"""One DICOM file up to its pixels: where its data set starts, what it says, and that the pixels it promises are there.

pydicom raises many kinds of errors on damaged bytes; here each becomes one sentence about the file. Nothing larger than
what the file holds is ever asked for, and a deflated file is unpacked up to a bound only.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pydicom.config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from semivox.data.formats.dicom.folders import MARK, PREAMBLE
from semivox.data.formats.scan import ScanError

MOST_INFLATED = 1 << 28
"""Bytes that a deflated file may unpack to (268 MB; a slice has half a megabyte)."""
MOST_HEADER = 1 << 28
"""Bytes before the pixels; real headers are kilobytes, contours of a large structure set some 100 megabytes."""
UNDEFINED = 0xFFFFFFFF
PIXELS = {0x7FE00010: "PixelData", 0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}
CHUNK = 1 << 16
FIX = "Copy or export it again."


@dataclass(frozen=True)
class Pixels:
    """Where the pixels of a file lie."""

    keyword: str
    start: int
    """Byte of the first pixel, or of the first item where they are encapsulated."""
    length: int
    """Bytes in the file; of an encapsulated element, all that is left of the file."""
    encapsulated: bool


@dataclass(frozen=True)
class Opened:
    """A file's data set without its pixels."""

    path: Path
    data: Dataset
    syntax: UID
    sop_class: UID
    little_endian: bool
    pixels: Pixels | None


def open_file(path: Path, tags: Sequence[int | str] | None = None) -> Opened:
    """Read a file up to its pixels; ``tags``: only these. Raises ScanError, OSError."""
    wanted: list[BaseTag | int] | None = None if tags is None else [Tag(tag) for tag in tags]
    with refusing(path), path.open("rb") as opened:
        file = cast(BinaryIO, _Bounded(opened))
        meta, syntax = _meta(path, file)
        stream = _inflated(path, file) if syntax == DeflatedExplicitVRLittleEndian else file
        start = stream.tell()

        def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
            if stream.tell() - start > MOST_HEADER:
                raise ScanError("bad_header", f"{path} holds over 256 MB before any pixels; it is damaged.", FIX)
            return int(tag) in PIXELS

        implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        data = read_dataset(stream, implicit, little, stop_when=at_pixels, specific_tags=wanted)
        data.set_original_encoding(implicit, little)
        pixels = _pixels(path, stream, implicit, little)
        for _ in data:  # pydicom interprets values when they are first looked at; it is to complain here
            pass
        sop = UID(str(data.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))
    return Opened(path, data, syntax, sop, little, pixels)


def require_pixels(opened: Opened) -> None:
    """Raise ScanError for an image file that ends before its pixels."""
    if opened.pixels is None:
        raise ScanError(
            "truncated", f"{opened.path} holds no pixels: it is truncated, or only the header of a slice.", FIX
        )  # fmt: skip


class _Bounded:
    """A file that is never asked for more bytes than it has left: Python takes the memory before it reads."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.tell, self.seek = file, file.tell, file.seek

    def read(self, size: int = -1) -> bytes:
        if size > CHUNK:
            here = self._file.tell()
            size = min(size, self._file.seek(0, io.SEEK_END) - here)
            self._file.seek(here)
        return self._file.read(max(size, 0) if size != -1 else -1)


@contextmanager
def stream_of(opened: Opened) -> Iterator[BinaryIO]:
    """The bytes in which ``opened.pixels`` counts: the file, or what it unpacks to. Raises ScanError, OSError."""
    with refusing(opened.path), opened.path.open("rb") as plain:
        file = cast(BinaryIO, _Bounded(plain))
        if opened.syntax != DeflatedExplicitVRLittleEndian:
            yield file
        else:
            _meta(opened.path, file)
            yield _inflated(opened.path, file)


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Whatever pydicom and its decoders raise on a file's bytes, as a ScanError that names the file."""
    try:
        with pydicom.config.disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters about a file is said in our own words
            yield
    except ScanError:
        raise
    except OSError as error:
        if error.errno is not None:  # the system's; pydicom's own, without a number, are of damaged bytes
            raise
        raise _unreadable(path, error) from error
    except MemoryError as error:
        raise ScanError(
            "too_large", f"{path} does not fit in memory.", "Use fewer workers, or a smaller scan."
        ) from error
    except RecursionError as error:
        raise ScanError("unreadable", f"{path} nests its sequences too deep; it is damaged or made up.", FIX) from error
    except Exception as error:  # damaged bytes lead pydicom into errors of every kind
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ScanError:
    words = " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
    return ScanError("unreadable", f"{path} cannot be read as DICOM: {words}.", FIX)


def _meta(path: Path, file: BinaryIO) -> tuple[Dataset, UID]:
    """Group 2 of the file and its transfer syntax; the file is left at the first element of the data set."""
    marked = file.read(PREAMBLE + len(MARK))[PREAMBLE:] == MARK
    file.seek(PREAMBLE + len(MARK) if marked else 0)
    start = file.tell()
    meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    if not meta:
        file.seek(start)  # a first element without a value representation was taken for one with it
    given = str(meta.get("TransferSyntaxUID", "")).strip(" \0")
    if given:
        return meta, UID(given)
    head = file.read(6)
    file.seek(-len(head), 1)
    if not head:
        raise ScanError("unreadable", f"{path} is marked as DICOM and holds nothing else.", FIX)
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    return meta, ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian


def _inflated(path: Path, file: BinaryIO) -> BinaryIO:
    """The rest of a deflated file, unpacked; never more than the bound is held."""
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    content = unpack.decompress(file.read(), MOST_INFLATED)
    if unpack.unconsumed_tail:
        raise ScanError(
            "too_large", f"{path} is deflated and unpacks to more than {MOST_INFLATED >> 20} MB.",
            "If it is a scan, save it without compression.",
        )  # fmt: skip
    if not unpack.eof:
        raise ScanError("truncated", f"{path} is truncated: its compressed stream has no end.", FIX)
    return io.BytesIO(content)


def _pixels(path: Path, stream: BinaryIO, implicit: bool, little: bool) -> Pixels | None:
    """The pixel element at which reading stopped; None at the end of the file. Raises ScanError if it is cut short."""
    order: Literal["little", "big"] = "little" if little else "big"
    head = stream.read(8)
    if len(head) < 8:
        return None
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if tag not in PIXELS:
        return None
    length = int.from_bytes(head[4:8] if implicit else stream.read(4), order)
    start = stream.tell()
    left = stream.seek(0, 2) - start
    if length == UNDEFINED:
        return Pixels(PIXELS[tag], start, left, True)
    if length > left:
        raise ScanError("truncated", f"{path} is truncated: it holds {left} bytes of the {length} of its pixels.", FIX)
    return Pixels(PIXELS[tag], start, length, False)
