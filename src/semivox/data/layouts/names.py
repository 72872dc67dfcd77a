"""How files become cases: names, tags, channel numbers, and what is passed over."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.data.dataset import CaseFiles, some
from semivox.data.formats import registry
from semivox.data.formats.itksnap import is_description
from semivox.data.formats.volume import stem
from semivox.data.layouts.tags import composed, printable, require_text, spelled, untagged
from semivox.data.remarks import Remark

CHANNEL = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")
"""nnU-Net's channel number."""
ANY = 10_000
"""As many channels as four digits can count: every number is taken for a channel's."""
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Letters that turn the direction of writing."""
MAX_NAME = 200
"""Bytes; file systems allow 255 for a name, and results append to it."""


def scans(folder: Path, skipped: list[str]) -> list[Path]:
    """The scans directly in a folder, sorted by name; what else is there goes to ``skipped`` with the reason.

    Raises InputError for a scan whose name is not text.
    """
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        reason = _not_a_scan(path)
        if reason is None:
            require_text(path)
            found.append(path)
        elif not is_description(path):  # names of classes, read with the labels beside it
            skipped.append(f"{printable(folder.name)}/{printable(path.name)}: {reason}")
    return found


def _not_a_scan(path: Path) -> str | None:
    """Why a path is passed over; None for a scan."""
    if path.name.startswith("._"):
        return "a macOS resource file"
    if path.name.startswith("."):
        return "a hidden file"
    if (known := registry.find(path)) is not None:
        return known.objection(path)
    return "a folder without DICOM slices" if path.is_dir() else f"not one of {', '.join(registry.endings())}"


def by_case(paths: Iterable[Path]) -> dict[str, Path]:
    """Case name -> its one file. Raises InputError if two files claim one name."""
    found: dict[str, Path] = {}
    for path in paths:
        name = untagged(path)
        if name in found:
            raise clash(name, found[name], path)
        found[name] = path
    return found


def by_channel(paths: Iterable[Path], count: int | None = None) -> dict[str, tuple[Path, ...]]:
    """Case name -> its files in order of their channel numbers; a file without a number is a case of one channel.

    ``count``: how many channels a case has, where that is known. A number that cannot be a channel's is part of the
    name: ``anna_0003`` is a case of that name where no case has four channels.
    """
    paths = list(paths)
    channels = {f"{number:04d}" for number in range(channel_count(paths) if count is None else count)}
    found: dict[str, dict[str, Path]] = {}
    for path in paths:
        match = CHANNEL.match(composed(stem(path)))
        if match and match["channel"] in channels:
            name, channel = match["case"], match["channel"]
        else:
            name, channel = untagged(path), "0000"
        files = found.setdefault(name, {})
        if channel in files:
            raise clash(name, files[channel], path)
        files[channel] = path
    return {name: tuple(files[channel] for channel in sorted(files)) for name, files in found.items()}


def channel_count(paths: Iterable[Path]) -> int:
    """How many channels the numbers at the ends of names count: 0 to n - 1 for most cases that have any; else 0."""
    numbers: dict[str, set[int]] = {}
    for path in paths:
        if (match := CHANNEL.match(composed(stem(path)))) is not None:
            numbers.setdefault(match["case"], set()).add(int(match["channel"]))
    counts = Counter(len(found) for found in numbers.values() if found == set(range(len(found))))
    if not counts or 2 * counts.total() < len(numbers):
        return 0
    return max(counts, key=lambda count: (counts[count], count))


def pair(images: dict[str, tuple[Path, ...]], labels: dict[str, Path], part: str | None) -> list[CaseFiles]:
    """Cases of one pair of folders: a label may be missing, an image may be missing (the checks will say so)."""
    names = sorted(images.keys() | labels.keys())
    return [CaseFiles(name, images.get(name, ()), labels.get(name), part) for name in names]


def distinct(entries: Iterable[CaseFiles]) -> tuple[CaseFiles, ...]:
    """The entries sorted by name. Raises InputError for a name that occurs twice or cannot name a folder."""
    found: dict[str, CaseFiles] = {}
    for entry in entries:
        require_name(entry.name)
        if entry.name in found:
            raise clash(entry.name, _file(found[entry.name]), _file(entry))
        found[entry.name] = entry
    return tuple(found[name] for name in sorted(found))


def require_name(name: str) -> None:
    """Refuse a case name that cannot safely name a folder of results. Raises InputError."""
    if printable(name) != name:
        raise InputError(f"{printable(name)!r} cannot name a case: it is not UTF-8; rename the file")
    bad = not name.strip() or name.startswith(".") or any(c in "/\\" or _unseen(c) for c in name)
    if bad or len(name.encode()) > MAX_NAME:
        raise InputError(
            f"{name[:60]!r} cannot name a case: a name must not be empty, begin with a dot, contain / or \\ or control "
            f"characters, or exceed {MAX_NAME} bytes; rename the file or the case_id"
        )


def _unseen(letter: str) -> bool:
    """Whether a letter controls what is shown: ends a line, or turns the writing, so that another name is read."""
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter in TURNING


def clash(name: str, first: Path, second: Path) -> InputError:
    """The error for two files that claim one case."""
    how = ""
    if (shown := spelled(first.name)) != spelled(second.name) and composed(first.name) == composed(second.name):
        how = f" (the names look alike, but are stored in different ways: {shown} and {spelled(second.name)})"
    return InputError(f"two files claim the case {name!r}: {first} and {second}{how}; remove or rename one of them")


def _file(entry: CaseFiles) -> Path:
    return entry.images[0] if entry.images else entry.label or Path(entry.name)


def unread_labels(folder: Path, entries: Iterable[CaseFiles]) -> tuple[Remark, ...]:
    """A warning of files in a labels folder that are named as unlabeled cases, but are of no format that is read."""
    bare = {entry.name for entry in entries if entry.label is None}
    found = [
        path.name
        for path in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if not path.name.startswith(".") and _not_a_scan(path) and _first_part(path) in bare
    ]
    if not found:
        return ()
    text = (
        f"{plural(len(found), 'file')} in {folder.name} with the name of a scan cannot be read: "
        f"{printable(some(found))}; "
    )
    text += "those scans count as unlabeled"
    kinds = " or ".join(one.name for one in registry.formats() if one.writes)
    fix = f"Save the labels as {kinds} volumes of class numbers (slices as one volume)."
    return (Remark("unread_label", text, fix),)


def _first_part(path: Path) -> str:
    """The case that a file in any format is named after: ``a_seg.png`` -> a."""
    return untagged(path.with_name(path.name.split(".")[0] + ".nii"))
