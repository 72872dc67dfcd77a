"""Text headers of NRRD and MetaImage files, taken apart byte by byte as their own libraries do.

A line ends at a line feed and nowhere else: other characters that Python takes for line ends (vertical tab, form feed,
file separator, U+2028, a lone carriage return) could hide a second header in a comment. Control characters are refused.
"""

from __future__ import annotations

import re
from pathlib import Path

import semivox.data.formats.integrity as integrity
from semivox.data.formats.scan import ScanError, require_sane

MAX_HEADER = 1 << 20
"""Bytes; text headers are a few hundred, those of segmentations some thousand."""
NUMBER = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,2})?")
"""A number of sane length; ``nan``, ``inf`` and 1e308 are none."""
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
"""What has no place in a line of a header; a tab has."""


def head_of(path: Path, suffix: str) -> bytes:
    """The first bytes of a file, found to be of its kind. Raises ScanError."""
    integrity.require_kind(path, suffix)
    with path.open("rb") as file:
        return file.read(MAX_HEADER)


def line_at(path: Path, content: bytes, start: int) -> tuple[str, int]:
    """The line that begins at a byte, without its end, and where the next one begins. Raises ScanError."""
    end = content.find(b"\n", start)
    stop = len(content) if end < 0 else end
    line = content[start:stop].removesuffix(b"\r")
    if found := CONTROL.search(line):
        raise ScanError(
            "bad_header",
            f"{path}: the header has the control character {found[0][0]:#04x} at byte {start + found.start()}.",
            "Export it again.",
        )
    return line.decode("utf-8", errors="replace"), stop + 1


def beside(path: Path, name: str) -> Path:
    """The one file with the voxels, in the header's own folder. Raises ScanError for any other place."""
    if not name or name.upper().startswith("LIST") or "%" in name:
        raise ScanError(
            "bad_header", f"{path}: its voxels lie in no single file ({name!r}).", "Convert it to one NIfTI file."
        )
    if name != Path(name).name or name in (".", "..") or "\\" in name:
        raise ScanError(
            "outside_folder", f"{path} refers to voxels in another folder: {name!r}.",
            "Put header and voxels into one folder and name the file without a path.",
        )  # fmt: skip
    if name == path.name:
        text = f"{path} names itself as the file of its voxels."
        raise ScanError("bad_header", text, "Copy the file with the voxels beside it, and name that one.")
    return path.parent / name


def whole(path: Path, fields: dict[str, str], name: str, default: int) -> int:
    """A whole number of the header, -1 or more. Raises ScanError."""
    text = fields.get(name, str(default))
    if not re.fullmatch(r"-1|\d{1,12}", text):
        raise ScanError("bad_header", f"{path}: {name} is {text!r}, not a number.", "Export it again.")
    return int(text)


def numbers(path: Path, name: str, text: str, count: int) -> list[float]:
    """So many numbers of a header line. Raises ScanError."""
    words = text.split()
    if not (len(words) == count and all(NUMBER.fullmatch(word) for word in words)):
        raise ScanError("bad_header", f"{path}: {name} must be {count} numbers.", "Export it again.")
    return [float(word) for word in words]


def put(path: Path, fields: dict[str, str], name: str, value: str) -> None:
    """Add a field. Raises ScanError for one that is there already: which of them counts would be chance."""
    if name in fields:
        raise ScanError("bad_header", f"{path}: the header gives {name!r} twice.", "Export it again.")
    fields[name] = value


def sizes(path: Path, text: str) -> tuple[int, ...]:
    """The sizes of a header line, found sane."""
    words = text.split()
    if not all(re.fullmatch(r"[+-]?\d{1,20}", word) for word in words):
        raise ScanError("bad_header", f"{path}: the sizes {text[:60]!r} are no numbers.", "Export it again.")
    dims = tuple(int(word) for word in words)
    require_sane(str(path), dims or (0,))
    return dims
