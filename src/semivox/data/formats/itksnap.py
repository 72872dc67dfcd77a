"""Label descriptions of ITK-SNAP: a text file beside labels that names their numbers.

A description of the same name as the label (``a.label`` or ``a.txt`` beside ``a.nii.gz``) counts for that label; the
only other one of a folder counts for all its labels.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from semivox.data.formats import registry
from semivox.data.formats.integrity import require_regular
from semivox.data.formats.scan import ScanError, Segment

MARK = b"ITK-SnAP Label Description File"
"""What ITK-SNAP writes into the second line."""
LINE = re.compile(r'\s*(\d{1,6})\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\S+)\s+(\d)\s+(\d)\s+"(.*)"\s*')
"""Number, red, green, blue, opacity, visibility of label and mesh, name."""
ENDINGS = (".txt", ".label")
MOST = 1 << 18
"""Bytes of a description."""


def segments_beside(label: Path) -> tuple[Segment, ...]:
    """What the description beside a label says; empty if there is none. Raises ScanError if several could be meant."""
    if label.is_dir():
        return ()
    found = _descriptions(label.parent, label.parent.stat().st_mtime_ns)
    suffix = registry.suffix_of(label)
    stem = label.name[: len(label.name) - len(suffix)]
    own = [path for path in found if path.stem == stem]
    general = [
        path for path in found if not any(path.with_name(path.stem + end).exists() for end in registry.endings())
    ]
    meant = own or general
    if len(meant) > 1:
        names = ", ".join(path.name for path in meant[:4])
        raise ScanError(
            "segment_names", f"{label}: several label descriptions could be meant: {names}.", "Keep the one that holds."
        )
    return described(meant[0]) if meant else ()


def described(path: Path) -> tuple[Segment, ...]:
    """The names of a description file. Raises ScanError for a line that is none."""
    segments = []
    for number, line in enumerate(_head(path).split(b"\n"), start=1):
        text = line.decode("utf-8", errors="replace").strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        if match is None:
            raise ScanError(
                "segment_names", f"{path}: line {number} describes no label: {text[:60]!r}.", "Save it in ITK-SNAP."
            )
        red, green, blue = (min(int(match[index]), 255) / 255 for index in (2, 3, 4))
        segments.append(Segment(match[8], int(match[1]), (red, green, blue), 0, int(match[1])))
    return tuple(segments)


def is_description(path: Path) -> bool:
    """Whether a file is a label description, by what its first lines say."""
    return path.name.lower().endswith(ENDINGS) and path.is_file() and _is_marked(path)


def _head(path: Path) -> bytes:
    require_regular(path)
    with path.open("rb") as file:
        return file.read(MOST)


@lru_cache(maxsize=64)
def _descriptions(folder: Path, changed: int) -> tuple[Path, ...]:
    """The descriptions in a folder; listed again when the folder has changed."""
    return tuple(path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and is_description(path))


def _is_marked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.lower() in file.read(512).lower()
    except OSError:
        return False
