"""MetaImage files (.mha, and .mhd with the voxels in a file beside it)."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, Scan, ScanError
from semivox.data.formats.text_headers import (
    MAX_HEADER,
    NUMBER,
    Layout,
    beside,
    head_of,
    pair,
    require_complete,
    sizes,
    whole,
)

META_BYTES = {
    "CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4,
    "LONG_LONG": 8, "ULONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip

META_VECTORS = ("offset", "position", "origin", "centerofrotation", "elementspacing", "elementsize")
META_MATRICES = ("transformmatrix", "rotation", "orientation")


class MetaImage(Format):
    """ITK's own format: a text header, and voxels behind or beside it."""

    name = "MetaImage"
    endings = (".mha", ".mhd")
    writes = (".mha",)
    results = ".mha"

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
    """MetaImage: ``key = value`` lines up to ElementDataFile. Raises ScanError."""
    content = head_of(path, path.suffix.lower())
    mark = content.find(b"ElementDataFile")
    end = content.find(b"\n", mark) + 1
    if mark < 0 or (end == 0 and len(content) == MAX_HEADER):
        raise ScanError("unreadable", f"{path} has no MetaImage header (no ElementDataFile).", "Export it again.")
    end = end or len(content)
    lines = content[:end].decode("utf-8", errors="replace").splitlines()
    fields = dict(pair(line, "=") for line in lines if "=" in line)
    dims = sizes(path, fields.get("dimsize", ""))
    _require_lengths(path, fields, len(dims))
    kind = fields.get("elementtype", "").removeprefix("MET_").removesuffix("_ARRAY")
    if kind not in META_BYTES:
        raise ScanError("bad_header", f"{path}: unknown voxel type {kind!r}.", "Export it again.")
    size = math.prod(dims) * META_BYTES[kind] * whole(path, fields, "elementnumberofchannels", 1)
    packing = "packed" if fields.get("compresseddata", "").lower() == "true" else "raw"
    name = fields.get("elementdatafile", "")
    if name.upper() == "LOCAL":
        return Layout(path, end, size, packing)
    return Layout(beside(path, name), whole(path, fields, "headersize", 0), size, packing)


def _require_lengths(path: Path, fields: dict[str, str], axes: int) -> None:
    """As many numbers everywhere as there are axes: ITK takes them on trust, and some make it crash."""
    if fields.get("ndims", str(axes)) != str(axes) or not 2 <= axes <= 4:
        text = f"{path}: NDims is {fields.get('ndims')!r}, and there are {axes} sizes."
        raise ScanError("bad_header", text, "Export it again.")
    for name, count in {**dict.fromkeys(META_VECTORS, axes), **dict.fromkeys(META_MATRICES, axes**2)}.items():
        words = fields.get(name, "").split()
        if name in fields and not (len(words) == count and all(NUMBER.fullmatch(word) for word in words)):
            raise ScanError("bad_header", f"{path}: {name} must be {count} numbers.", "Export it again.")
