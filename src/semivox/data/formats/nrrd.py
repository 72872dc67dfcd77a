"""NRRD files (.nrrd, and .nhdr with the voxels in a file beside it)."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import semivox.data.formats.integrity as integrity
from semivox.core.geometry import Grid
from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, Scan, ScanError
from semivox.data.formats.text_headers import (
    Layout,
    beside,
    head_of,
    pair,
    require_complete,
    sizes,
)

NRRD_BYTES = {
    1: ("char", "signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: ("short", "short int", "signed short", "signed short int", "int16", "int16_t", "ushort", "unsigned short",
        "unsigned short int", "uint16", "uint16_t"),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"),
    8: ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t",
        "ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t", "double"),
}  # fmt: skip


class Nrrd(Format):
    """Nearly raw raster data: a text header, and voxels behind or beside it."""

    name = "NRRD"
    endings = (".nrrd", ".nhdr")
    writes = (".nrrd",)
    results = ".nrrd"

    def read_header(self, path: Path) -> Header:
        """Geometry and channels without the voxels. Raises ScanError."""
        from semivox.data.formats import itk  # imports ITK, which most data sets do not need

        require_complete(path, layout_of(path))
        return itk.read_header(path)

    def read_scan(self, path: Path) -> Scan:
        """The whole file, counted to its last byte. Raises ScanError."""
        from semivox.data.formats import itk

        require_complete(path, layout_of(path))
        return itk.read_scan(path)

    def write(self, path: Path, array: np.ndarray, grid: Grid) -> None:
        """Write (X, Y, Z) or (X, Y, Z, K), compressed. Raises OSError where it cannot be written whole."""
        from semivox.data.formats import itk

        itk.write(path, array, grid)
        try:
            require_complete(path, layout_of(path))
        except ScanError as error:
            raise OSError(errno.EIO, "it could not be written whole; is the disk full?") from error

    def files(self, path: Path) -> tuple[Path, ...]:
        """The header, and the file of its voxels where that is another one."""
        try:
            return tuple(dict.fromkeys((path, layout_of(path).data)))
        except (ScanError, OSError):  # an unfit header: whoever opens the scan says what is wrong with it
            return (path,)

    def private_fields(self, path: Path) -> Iterable[str]:
        """Keys of the header that speak of people, places or days."""
        from semivox.data.formats import itk

        return itk.telling_keys(path)


def layout_of(path: Path) -> Layout:
    """NRRD: ``key: value`` lines up to an empty line. Raises ScanError."""
    content = head_of(path, path.suffix.lower())
    ends = [(content.find(mark), len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if mark in content]
    if not ends and path.suffix.lower() == ".nrrd":
        raise integrity.truncated(path, "its header has no end")
    end = sum(min(ends)) if ends else len(content)
    lines = content[:end].decode("utf-8", errors="replace").splitlines()
    fields = dict(pair(line, ":") for line in lines if ":" in line and ":=" not in line and not line.startswith("#"))
    dims = sizes(path, fields.get("sizes", ""))
    kind = fields.get("type", "").lower()
    width = next((size for size, names in NRRD_BYTES.items() if kind in names), None)
    if width is None:
        raise ScanError("bad_header", f"{path}: unknown voxel type {kind!r}.", "Export it again.")
    encoding = fields.get("encoding", "raw").lower()
    packing = {"raw": "raw", "gzip": "packed", "gz": "packed"}.get(encoding, "other")
    name = fields.get("data file", fields.get("datafile"))
    if name is None:
        return Layout(path, end, math.prod(dims) * width, packing)
    return Layout(beside(path, name), 0, math.prod(dims) * width, packing)
