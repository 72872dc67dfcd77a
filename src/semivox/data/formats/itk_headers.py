"""Headers of NRRD and MetaImage files (.nrrd, .nhdr, .mha, .mhd), read to verify that all voxels are there.

ITK itself returns a truncated file as zeros without an error, so the bytes are counted first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import semivox.data.formats.integrity as integrity
from semivox.data.formats.scan import ScanError, require_sane

MAX_HEADER = 1 << 18
"""Bytes; text headers are a few hundred."""
NRRD_BYTES = {
    1: ("char", "signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: ("short", "short int", "signed short", "signed short int", "int16", "int16_t", "ushort", "unsigned short",
        "unsigned short int", "uint16", "uint16_t"),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"),
    8: ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t",
        "ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t", "double"),
}  # fmt: skip
META_BYTES = {
    "CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4,
    "LONG_LONG": 8, "ULONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip

META_VECTORS = ("offset", "position", "origin", "centerofrotation", "elementspacing", "elementsize")
META_MATRICES = ("transformmatrix", "rotation", "orientation")
NUMBER = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,2})?")
"""A number of sane length; ``nan``, ``inf`` and 1e308 are none."""


@dataclass(frozen=True)
class Layout:
    """Where the voxels are and how many bytes they take once unpacked."""

    data: Path
    offset: int
    """Bytes before the voxels; -1: the voxels are the last bytes of the file."""
    size: int
    packing: str
    """``raw``, ``packed`` (zlib or gzip) or ``other`` (text encodings, left to ITK)."""


def require_complete(path: Path) -> None:
    """Verify that all voxels the header calls for are in the file. Raises ScanError."""
    layout = _layout(path)
    if not layout.data.is_file():
        raise ScanError(
            "missing_file",
            f"{path} refers to its voxels in {layout.data.name}, which does not exist.",
            "Copy that file beside the header, under the name that the header gives.",
        )
    if layout.packing == "raw":
        integrity.require_size(layout.data, layout.data.stat().st_size - max(layout.offset, 0), layout.size)
    elif layout.packing == "packed":
        with layout.data.open("rb") as file:
            file.seek(max(layout.offset, 0))
            integrity.require_stream(layout.data, file, layout.size)


def voxel_file(path: Path) -> Path:
    """The file that holds the voxels: the header's own, or one beside it. Raises ScanError for an unfit header."""
    return _layout(path).data


def _layout(path: Path) -> Layout:
    """What the header says. Raises ScanError."""
    integrity.require_kind(path, path.suffix.lower())
    with path.open("rb") as file:
        content = file.read(MAX_HEADER)
    return _nrrd(path, content) if path.suffix.lower() in (".nrrd", ".nhdr") else _meta(path, content)


def _nrrd(path: Path, content: bytes) -> Layout:
    """NRRD: ``key: value`` lines up to an empty line."""
    ends = [(content.find(mark), len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if mark in content]
    if not ends and path.suffix.lower() == ".nrrd":
        raise integrity.truncated(path, "its header has no end")
    end = sum(min(ends)) if ends else len(content)
    lines = content[:end].decode("utf-8", errors="replace").splitlines()
    fields = dict(_pair(line, ":") for line in lines if ":" in line and ":=" not in line and not line.startswith("#"))
    dims = _sizes(path, fields.get("sizes", ""))
    kind = fields.get("type", "").lower()
    width = next((size for size, names in NRRD_BYTES.items() if kind in names), None)
    if width is None:
        raise ScanError("bad_header", f"{path}: unknown voxel type {kind!r}.", "Export it again.")
    encoding = fields.get("encoding", "raw").lower()
    packing = {"raw": "raw", "gzip": "packed", "gz": "packed"}.get(encoding, "other")
    name = fields.get("data file", fields.get("datafile"))
    if name is None:
        return Layout(path, end, math.prod(dims) * width, packing)
    return Layout(_beside(path, name), 0, math.prod(dims) * width, packing)


def _meta(path: Path, content: bytes) -> Layout:
    """MetaImage: ``key = value`` lines up to ElementDataFile."""
    mark = content.find(b"ElementDataFile")
    end = content.find(b"\n", mark) + 1
    if mark < 0 or (end == 0 and len(content) == MAX_HEADER):
        raise ScanError("unreadable", f"{path} has no MetaImage header (no ElementDataFile).", "Export it again.")
    end = end or len(content)
    lines = content[:end].decode("utf-8", errors="replace").splitlines()
    fields = dict(_pair(line, "=") for line in lines if "=" in line)
    dims = _sizes(path, fields.get("dimsize", ""))
    _require_lengths(path, fields, len(dims))
    kind = fields.get("elementtype", "").removeprefix("MET_").removesuffix("_ARRAY")
    if kind not in META_BYTES:
        raise ScanError("bad_header", f"{path}: unknown voxel type {kind!r}.", "Export it again.")
    size = math.prod(dims) * META_BYTES[kind] * _whole(path, fields, "elementnumberofchannels", 1)
    packing = "packed" if fields.get("compresseddata", "").lower() == "true" else "raw"
    name = fields.get("elementdatafile", "")
    if name.upper() == "LOCAL":
        return Layout(path, end, size, packing)
    return Layout(_beside(path, name), _whole(path, fields, "headersize", 0), size, packing)


def _require_lengths(path: Path, fields: dict[str, str], axes: int) -> None:
    """As many numbers everywhere as there are axes: ITK takes them on trust, and some make it crash."""
    if fields.get("ndims", str(axes)) != str(axes) or not 2 <= axes <= 4:
        text = f"{path}: NDims is {fields.get('ndims')!r}, and there are {axes} sizes."
        raise ScanError("bad_header", text, "Export it again.")
    for name, count in {**dict.fromkeys(META_VECTORS, axes), **dict.fromkeys(META_MATRICES, axes**2)}.items():
        words = fields.get(name, "").split()
        if name in fields and not (len(words) == count and all(NUMBER.fullmatch(word) for word in words)):
            raise ScanError("bad_header", f"{path}: {name} must be {count} numbers.", "Export it again.")


def _beside(path: Path, name: str) -> Path:
    """The one file with the voxels, in the header's own folder. Raises ScanError for any other place."""
    if not name or name.upper().startswith("LIST") or "%" in name:
        raise ScanError(
            "bad_header", f"{path}: its voxels lie in no single file ({name!r}).", "Convert it to one NIfTI file."
        )
    if "\0" in name or name != Path(name).name:
        raise ScanError(
            "outside_folder", f"{path} refers to voxels in another folder: {name!r}.",
            "Put header and voxels into one folder and name the file without a path.",
        )  # fmt: skip
    return path.parent / name


def _whole(path: Path, fields: dict[str, str], name: str, default: int) -> int:
    """A whole number of the header, -1 or more. Raises ScanError."""
    text = fields.get(name, str(default))
    if not re.fullmatch(r"-1|\d{1,12}", text):
        raise ScanError("bad_header", f"{path}: {name} is {text!r}, not a number.", "Export it again.")
    return int(text)


def _pair(line: str, mark: str) -> tuple[str, str]:
    key, _, value = line.partition(mark)
    return key.strip().lower(), value.strip()


def _sizes(path: Path, text: str) -> tuple[int, ...]:
    """The sizes of a header line, found sane."""
    try:
        dims = tuple(int(word) for word in text.split())
    except ValueError as error:
        raise ScanError("bad_header", f"{path}: the sizes {text!r} are no numbers.", "Export it again.") from error
    require_sane(str(path), dims or (0,))
    return dims
