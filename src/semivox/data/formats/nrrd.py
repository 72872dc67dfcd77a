"""NRRD files (.nrrd, and .nhdr with the voxels in a file beside it), and segmentations of 3D Slicer (.seg.nrrd).

Fields and their meaning: "Definition of NRRD File Format", https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semivox.data.formats import byte_order, slicer
from semivox.data.formats.format import TELLING
from semivox.data.formats.nrrd_geometry import Axes, axes_of
from semivox.data.formats.scan import Header, Scan, ScanError
from semivox.data.formats.text_format import KNOWN_KEYS, TextFormat
from semivox.data.formats.text_headers import MAX_HEADER, beside, head_of, line_at, put, sizes, whole
from semivox.data.formats.voxels import MOST_SKIPPED, Encoding, Voxels, read_voxels

TYPES = {
    "i1": ("char", "signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
"""numpy's number type -> its names."""
ENCODINGS: dict[str, Encoding] = {
    "raw": "raw", "gzip": "packed", "gz": "packed", "bzip2": "bzip2", "bz2": "bzip2",
    "txt": "text", "text": "text", "ascii": "text", "hex": "hex",
}  # fmt: skip
ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "axismins": "axis mins",
           "centerings": "centers"}  # fmt: skip
"""Other spellings of fields."""
MAGIC = re.compile(r"NRRD000[1-5]")
WRITTEN = re.compile(r"segment(ation|\d+)_.*", re.IGNORECASE)
"""Keys of segmentations: their names are classes, not people."""


@dataclass(frozen=True)
class Described:
    """A header taken apart."""

    fields: dict[str, str]
    """What the format defines, by lower-case name."""
    keys: dict[str, str]
    """What programs added as ``key:=value``."""
    end: int
    """Bytes of the header, with the empty line behind it."""


class Nrrd(TextFormat):
    """Nearly raw raster data: a text header, and voxels behind or beside it."""

    name = "NRRD"
    endings = (".seg.nrrd", ".nrrd", ".nhdr")
    writes = (".nrrd",)
    results = ".nrrd"

    def parsed(self, path: Path) -> tuple[Header, Voxels]:
        """What the header says, judged, and where the voxels are. Raises ScanError."""
        header, _, voxels = _parse(path)
        return header, voxels

    def read_scan(self, path: Path) -> Scan:
        """The whole file, counted to its last byte; the layers of a segmentation become one. Raises ScanError."""
        header, axes, voxels = _parse(path)
        array = axes.arranged(read_voxels(path, voxels))
        header = replace(header, remarks=(*header.remarks, *byte_order.remarks_on(path, array)))
        if not header.segments:
            return Scan(array, header)
        return Scan(slicer.flattened(path, array, header.segments), header)

    def private_fields(self, path: Path) -> Iterable[str]:
        """Keys of the header that speak of people, places or days."""
        keys = _described(path).keys
        return [
            key for key in keys if TELLING.search(key) and key.lower() not in KNOWN_KEYS and not WRITTEN.fullmatch(key)
        ]


def _parse(path: Path) -> tuple[Header, Axes, Voxels]:
    """What the header says, judged. Raises ScanError."""
    described = _described(path)
    fields = described.fields
    if "sizes" not in fields:
        raise ScanError("bad_header", f"{path}: the header gives no sizes.", "Export it again.")
    dims = sizes(path, fields["sizes"])
    axes = axes_of(path, fields, dims)
    voxels = _voxels(path, described, int(np.prod(dims, dtype=object)))
    segments = slicer.segments_in(path, described.keys, axes.channels)
    color = "color" in axes.kind or axes.channels in (3, 4)
    if color and not segments and axes.kind in ("rgb-color", "rgba-color", "vector") and voxels.dtype.itemsize == 1:
        raise ScanError(
            "color_image", f"{path} is a color image ({axes.channels} bytes a voxel).",
            "Give the scan, not its rendering.",
        )  # fmt: skip
    return Header(axes.grid, 1 if segments else axes.channels, axes.remarks, segments), axes, voxels


def _described(path: Path) -> Described:
    """The header's lines up to an empty one, as fields and keys. Raises ScanError."""
    suffix = ".nhdr" if path.name.lower().endswith(".nhdr") else ".nrrd"
    content = head_of(path, suffix)
    magic, place = line_at(path, content, 0)
    if not MAGIC.fullmatch(magic):
        raise ScanError("unreadable", f"{path} is no NRRD file: it begins with {magic[:20]!r}.", "Export it again.")
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    while place < len(content):
        line, place = line_at(path, content, place)
        if not line:
            break
        if line.startswith("#"):
            continue
        name, mark, value = line.partition(":")
        if not mark:
            raise ScanError("bad_header", f"{path}: the header has the line {line[:60]!r}.", "Export it again.")
        if value.startswith("="):
            put(path, keys, name, value[1:])
        else:
            name = name.strip().lower()
            put(path, fields, ALIASES.get(name, name), value.strip())
    else:
        if "data file" not in fields or len(content) == MAX_HEADER:
            raise ScanError("truncated", f"{path} is truncated: its header has no end.", "Copy or download it again.")
    return Described(fields, keys, place)


def _voxels(path: Path, described: Described, count: int) -> Voxels:
    """Where the numbers are, and of what type. Raises ScanError."""
    fields = described.fields
    kind = " ".join(fields.get("type", "").lower().split())
    code = next((code for code, names in TYPES.items() if kind in names), None)
    if code is None:
        raise ScanError("bad_header", f"{path}: unknown voxel type {kind[:40]!r}.", "Export it again.")
    encoding = ENCODINGS.get(fields.get("encoding", "raw").lower())
    if encoding is None:
        text = f"{path}: unknown encoding {fields['encoding'][:40]!r} of the voxels."
        raise ScanError("bad_header", text, "Export it again.")
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower(), "")
    if not order and code[1] != "1" and encoding != "text":
        text = f"{path}: the header does not say in which order the bytes of a number stand (endian)."
        raise ScanError("bad_header", text, "Export it again.")
    name = fields.get("data file")
    lines, skip = whole(path, fields, "line skip", 0), whole(path, fields, "byte skip", 0)
    if lines < 0 or lines > MAX_HEADER or (skip < 0 and encoding != "raw") or skip > MOST_SKIPPED:
        raise ScanError("bad_header", f"{path}: line skip or byte skip is out of range.", "Export it again.")
    file, start = (path, described.end) if name is None else (beside(path, name), 0)
    return Voxels(file, start, np.dtype(f"{order or '<'}{code}"), count, encoding, lines, skip)
