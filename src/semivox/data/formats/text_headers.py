"""What the text headers of NRRD and MetaImage files share; read to verify that all voxels are there.

ITK itself returns a truncated file as zeros without an error, so the bytes are counted first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import semivox.data.formats.integrity as integrity
from semivox.data.formats.scan import ScanError, require_sane

MAX_HEADER = 1 << 18
"""Bytes; text headers are a few hundred."""
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


def head_of(path: Path, suffix: str) -> bytes:
    """The first bytes of a file, found to be of its kind. Raises ScanError."""
    integrity.require_kind(path, suffix)
    with path.open("rb") as file:
        return file.read(MAX_HEADER)


def require_complete(path: Path, layout: Layout) -> None:
    """Verify that all voxels the header calls for are in the file. Raises ScanError."""
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


def beside(path: Path, name: str) -> Path:
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


def whole(path: Path, fields: dict[str, str], name: str, default: int) -> int:
    """A whole number of the header, -1 or more. Raises ScanError."""
    text = fields.get(name, str(default))
    if not re.fullmatch(r"-1|\d{1,12}", text):
        raise ScanError("bad_header", f"{path}: {name} is {text!r}, not a number.", "Export it again.")
    return int(text)


def pair(line: str, mark: str) -> tuple[str, str]:
    """Key, in lower case, and value of a header line."""
    key, _, value = line.partition(mark)
    return key.strip().lower(), value.strip()


def sizes(path: Path, text: str) -> tuple[int, ...]:
    """The sizes of a header line, found sane."""
    try:
        dims = tuple(int(word) for word in text.split())
    except ValueError as error:
        raise ScanError("bad_header", f"{path}: the sizes {text!r} are no numbers.", "Export it again.") from error
    require_sane(str(path), dims or (0,))
    return dims
