"""MetaImage files (.mha, and .mhd with the voxels in a file beside it).

Fields and their meaning: "MetaIO/Documentation", https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats import byte_order
from semivox.data.formats.format import TELLING
from semivox.data.formats.orientation import LPS_TO_RAS, is_usable
from semivox.data.formats.scan import Header, Scan, ScanError
from semivox.data.formats.text_format import KNOWN_KEYS, TextFormat
from semivox.data.formats.text_headers import MAX_HEADER, beside, head_of, line_at, numbers, put, sizes, whole
from semivox.data.formats.voxels import MOST_SKIPPED, Encoding, Voxels, read_voxels
from semivox.data.remarks import Remark

TYPES = {
    "CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4", "LONG": "i4", "ULONG": "u4",
    "LONG_LONG": "i8", "ULONG_LONG": "u8", "FLOAT": "f4", "DOUBLE": "f8",
}  # fmt: skip
"""Name of a number type, without ``MET_`` -> numpy's."""
MATRICES = ("TransformMatrix", "Rotation", "Orientation")
ORIGINS = ("Offset", "Position", "Origin")
"""Names of one thing; a file has one of them."""
TRUE, FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no", "")
VECTORS = ("CenterOfRotation", "ElementSize", "ElementSpacing")


class MetaImage(TextFormat):
    """ITK's own format: a text header, and voxels behind or beside it."""

    name = "MetaImage"
    endings = (".mha", ".mhd")
    writes = (".mha",)
    results = ".mha"

    def parsed(self, path: Path) -> tuple[Header, Voxels]:
        """What the header says, judged, and where the voxels are. Raises ScanError."""
        header, _, voxels = _parse(path)
        return header, voxels

    def read_scan(self, path: Path) -> Scan:
        """The whole file, counted to its last byte. Raises ScanError."""
        header, dims, voxels = _parse(path)
        values = read_voxels(path, voxels)
        if len(dims) == 4:  # the fourth axis is the slowest
            array = values.reshape(dims, order="F").transpose(3, 0, 1, 2)
        else:
            array = values.reshape((header.channels, *dims), order="F")  # channels are the fastest
        return Scan(array, replace(header, remarks=(*header.remarks, *byte_order.remarks_on(path, array))))

    def private_fields(self, path: Path) -> Iterable[str]:
        """Keys of the header that speak of people, places or days."""
        names = _fields(path)[0]
        return [name for name in names if TELLING.search(name) and name.lower() not in KNOWN_KEYS]


def _parse(path: Path) -> tuple[Header, tuple[int, ...], Voxels]:
    """What the header says, judged: also the sizes as in the file. Raises ScanError."""
    fields, end = _fields(path)
    if fields.get("ObjectType", "Image").lower() != "image":
        text = f"{path} is no image: its ObjectType is {fields['ObjectType'][:40]!r}."
        raise ScanError("bad_header", text, "Give the scan itself.")
    dims = sizes(path, fields.get("DimSize", ""))
    if fields.get("NDims", str(len(dims))) != str(len(dims)):
        text = f"{path}: NDims is {fields.get('NDims')!r}, and there are {len(dims)} sizes."
        raise ScanError("bad_header", text, "Export it again.")
    channels = whole(path, fields, "ElementNumberOfChannels", 1)
    if len(dims) not in (3, 4) or (len(dims) == 4 and channels > 1):
        raise ScanError("not_3d", f"{path} is not a volume: its size is {dims}.", "Give the 3D scan.")
    sizes(path, " ".join(map(str, (*dims, channels))))  # with the channels, too, the size must be sane
    voxels = _voxels(path, fields, end, int(np.prod(dims, dtype=object)) * channels)
    if channels in (3, 4) and voxels.dtype.itemsize == 1:
        raise ScanError(
            "color_image", f"{path} is a color image ({channels} bytes a voxel).", "Give the scan, not its rendering."
        )
    affine = _affine(path, fields, len(dims))
    if not is_usable(affine):
        raise ScanError("bad_affine", f"{path}: the header's axes do not span a volume.", "Rewrite the header.")
    x, y, z = dims[:3]
    grid = Grid((x, y, z), affine)
    return Header(grid, dims[3] if len(dims) == 4 else channels, _remarks(fields)), dims, voxels


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """``Key = value`` lines up to ElementDataFile, and how many bytes they are. Raises ScanError."""
    content = head_of(path, path.suffix.lower())
    if b"ElementDataFile" not in content:
        raise ScanError("unreadable", f"{path} has no MetaImage header (no ElementDataFile).", "Export it again.")
    fields: dict[str, str] = {}
    place = 0
    while place < len(content):
        line, place = line_at(path, content, place)
        name, mark, value = line.partition("=")
        if not mark and line.strip():
            raise ScanError("bad_header", f"{path}: the header has the line {line[:60]!r}.", "Export it again.")
        if mark:
            put(path, fields, name.strip(), value.strip())
        if name.strip() == "ElementDataFile":
            return fields, place
        if place >= MAX_HEADER:
            break
    raise ScanError("unreadable", f"{path} has no MetaImage header (no ElementDataFile).", "Export it again.")


def _voxels(path: Path, fields: dict[str, str], end: int, count: int) -> Voxels:
    """Where the numbers are, and of what type. Raises ScanError."""
    kind = fields.get("ElementType", "").removeprefix("MET_").removesuffix("_ARRAY")
    if kind not in TYPES:
        raise ScanError("bad_header", f"{path}: unknown voxel type {kind[:40]!r}.", "Export it again.")
    order = ">" if _is_true(path, fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB") else "<"
    encoding: Encoding = "raw" if _is_true(path, fields, "BinaryData", default="True") else "text"
    if encoding == "raw" and _is_true(path, fields, "CompressedData"):
        encoding = "packed"
    skip = whole(path, fields, "HeaderSize", 0)
    if skip > MOST_SKIPPED:
        raise ScanError("bad_header", f"{path}: HeaderSize is out of range.", "Export it again.")
    if skip < 0 and encoding != "raw":
        raise ScanError("bad_header", f"{path}: HeaderSize -1 goes with plain voxels only.", "Export it again.")
    name = fields["ElementDataFile"]
    dtype = np.dtype(order + TYPES[kind])
    if name.upper() == "LOCAL":
        return Voxels(path, end, dtype, count, encoding)
    start, skip = (skip, 0) if skip >= 0 else (0, -1)
    return Voxels(beside(path, name), start, dtype, count, encoding, skip=skip)


def _is_true(path: Path, fields: dict[str, str], *names: str, default: str = "False") -> bool:
    """Whether one of the fields says so. Raises ScanError for what is neither yes nor no."""
    words = {name: fields.get(name, default).lower() for name in names}
    for name, word in words.items():
        if word not in (*TRUE, *FALSE):
            text = f"{path}: {name} is {fields[name][:40]!r}, neither True nor False."
            raise ScanError("bad_header", text, "Export it again.")
    return any(word in TRUE for word in words.values())


def _affine(path: Path, fields: dict[str, str], axes: int) -> np.ndarray:
    """(4, 4): voxel indices -> RAS+ mm; a fourth axis is left out. Raises ScanError."""
    lists = dict.fromkeys((*ORIGINS, *VECTORS), axes) | dict.fromkeys(MATRICES, axes * axes)
    found = {name: numbers(path, name, fields[name], count) for name, count in lists.items() if name in fields}
    for names in (MATRICES, ORIGINS):
        if len(found.keys() & set(names)) > 1:
            text = f"{path}: the header gives {' and '.join(sorted(found.keys() & set(names)))}, of which one counts."
            raise ScanError("bad_header", text, "Export it again.")
    matrix = next((found[name] for name in MATRICES if name in found), list(np.eye(axes).ravel()))
    origin = next((found[name] for name in ORIGINS if name in found), [0.0] * axes)
    edges = found.get("ElementSpacing", found.get("ElementSize", [1.0] * axes))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(matrix, (axes, axes))[:3, :3].T * np.array(edges[:3])  # a row is an axis's direction; a
    # negative edge turns it round, as in ITK
    affine[:3, 3] = origin[:3]
    return LPS_TO_RAS @ affine


def _remarks(fields: dict[str, str]) -> tuple[Remark, ...]:
    """A header without voxel size, or in a unit that programs pass over."""
    found = []
    if not {"ElementSpacing", "ElementSize"} & fields.keys():
        text = "the header gives no voxel size; voxels are taken as 1 mm"
        found.append(Remark("no_geometry", text, "Export again with geometry, or check a picture."))
    unit = fields.get("DistanceUnits", "mm")
    if unit.lower() not in ("mm", "?", ""):
        text = f"the header names the unit {unit}; like other programs, it is read as mm"
        found.append(Remark("units", text, "Rewrite the header in mm.", "note"))
    return tuple(found)
