"""Which files of a folder are DICOM, and which series of them a path means; nothing but names and first bytes is read.

``folder`` alone is enough where it (or, if it holds no DICOM file itself, all folders below it together) holds one
series of images; ``folder#UID`` chooses one of several by its SeriesInstanceUID or by the last digits of it, and
``folder#UID#2`` the second of several volumes in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

PREAMBLE = 128
MARK = b"DICM"
CHOICE = "#"
"""Stands between a folder and the series of it that is meant."""
DEEPEST = 6
"""Folders below a folder that are looked into: PATIENT/STUDY/SERIES, and what exports put around it."""
DIRECTORY = "DICOMDIR"
"""The table of contents at the top of an export; the slices lie in folders below it."""
NOT_DICOM = (
    ".gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".raw",
    ".json", ".csv", ".txt", ".png", ".jpg", ".pdf", ".zip", ".npy",
)  # fmt: skip
"""Endings that DICOM files do not have; such files are not opened."""
FIRST_VRS = (b"UL", b"UI", b"CS", b"DA")
"""Value representations of what may stand first in an old file without the mark."""
LONGEST_FIRST = 64
"""Bytes of that first value, where no value representation is written: a UID, a date or a word."""


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by the mark ``DICM`` at byte 128, or by a first element as old files without it have."""
    if path.name.startswith(".") or path.suffix.lower() in NOT_DICOM or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return _starts(file.read(PREAMBLE + len(MARK)))
    except OSError:
        return False


def split_choice(path: Path) -> tuple[Path, str]:
    """``folder#UID`` -> folder and UID; a path that exists as it is has no choice."""
    if CHOICE not in path.name or path.exists():
        return path, ""
    parts = path.name.split(CHOICE)
    for count in range(len(parts) - 1, 0, -1):  # the folder's own name may hold a #, too
        folder = CHOICE.join(parts[:count])
        if folder and path.with_name(folder).exists():
            return path.with_name(folder), CHOICE.join(parts[count:]).strip()
    return path.with_name(parts[0]) if parts[0] else path, CHOICE.join(parts[1:]).strip()


def split_volume(choice: str) -> tuple[str, str]:
    """``UID#2`` -> the series and the number of the volume in it; either may be empty."""
    uid, _, number = choice.partition(CHOICE)
    return uid.strip(), number.strip()


def is_series(path: Path) -> bool:
    """Whether a folder (or one of its series, ``folder#UID``) holds at least one DICOM file."""
    folder, _ = split_choice(path)
    return folder.is_dir() and next(dicom_files(folder), None) is not None


def dicom_files(folder: Path) -> Iterator[Path]:
    """The DICOM files of a folder, sorted; those of the folders below if it has none itself."""
    found = False
    entries = sorted(folder.iterdir())
    for path in entries:
        if is_dicom(path):
            found = found or path.name.upper() != DIRECTORY
            yield path
    if not found:
        yield from (path for path in _below(entries, DEEPEST) if is_dicom(path))


def files_below(root: Path) -> Iterator[Path]:
    """All DICOM files of a folder and of those below it."""
    entries = sorted(root.iterdir())
    yield from (path for path in entries if is_dicom(path))
    yield from (path for path in _below(entries, DEEPEST) if is_dicom(path))


def _below(entries: Sequence[Path], depth: int) -> Iterator[Path]:
    """Files in the folders among ``entries``, and in those below."""
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".") and depth:
            inside = sorted(entry.iterdir())
            yield from (path for path in inside if path.is_file())
            yield from _below(inside, depth - 1)


def _starts(head: bytes) -> bool:
    """Whether these are the first bytes of a DICOM file."""
    if head[PREAMBLE:] == MARK:
        return True
    group, element = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
    typed = head[4:6] in FIRST_VRS or int.from_bytes(head[4:8], "little") <= LONGEST_FIRST
    return len(head) > PREAMBLE and group in (2, 8) and element <= 0x18 and typed
