"""What a file name tells: whose scan it is, whether it is a label, and whether it can be written as text at all."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.formats.volume import stem

LABEL_WORDS = (
    "label", "labels", "labelmap", "seg", "segm", "segmentation", "mask", "masks", "gt", "groundtruth", "annotation",
    "contour", "contours", "dseg",
)  # fmt: skip
"""Words by which a file beside an image says that it is its label."""
IMAGE_WORDS = ("image", "img", "imaging", "scan", "volume", "vol")
ENDING = re.compile(rf"(?<=.)[._-](?P<word>{'|'.join((*LABEL_WORDS, 'image', 'img'))})$", re.IGNORECASE)
"""Endings that tell what a file is, not whose it is."""
BEGINNING = re.compile(rf"^(?P<word>{'|'.join((*LABEL_WORDS, *IMAGE_WORDS))})(?:[._-](?=.)|(?=\d))", re.IGNORECASE)
"""The same before the name, as in ``img0001`` and ``label0001``."""


def untagged(path: Path) -> str:
    """The case's name in a file name: suffix and one ending such as ``_seg`` removed, letters composed (NFC)."""
    return ENDING.sub("", composed(stem(path)))


def without_beginning(name: str) -> str:
    """``label0001`` -> ``0001``; a name that begins with no such word stays as it is."""
    return BEGINNING.sub("", name)


def is_label(path: Path) -> bool:
    """Whether the file name says that this is a label: ``x_seg``, ``label_x``, ``segmentation``."""
    name = composed(stem(path)).lower()
    found = ENDING.search(name) or BEGINNING.search(name)
    if path.name.lower().endswith(".seg.nrrd"):  # 3D Slicer's segmentations
        return True
    return name in LABEL_WORDS or (found is not None and found["word"].lower() in LABEL_WORDS)


def composed(text: str) -> str:
    """Letters with their accents as one character (NFC): macOS and zip files made there write them as two."""
    return unicodedata.normalize("NFC", text)


def spelled(text: str) -> str:
    """A name with its accents as they are stored, which a screen does not show: ``e\\u0301`` or ``\\xe9``."""
    return text.encode("ascii", "backslashreplace").decode()


def require_text(path: Path) -> None:
    """Refuse a path whose bytes are not UTF-8: it could stand in no report. Raises InputError."""
    if printable(path) != str(path):
        raise InputError(
            f"{printable(path)}: the name is not UTF-8 (bytes that are shown as \\x.. are of another encoding, such as "
            "Latin-1); rename the file or folder"
        )


def printable(path: Path | str) -> str:
    """A path as text that can be shown: bytes that are not UTF-8 as ``\\xf6``, halves of characters as ``\\xed...``."""
    try:
        content = os.fsencode(path)
    except UnicodeEncodeError:  # half a character, as JSON can write it: no file has such a name
        content = str(path).encode("utf-8", "surrogatepass")
    return content.decode("utf-8", "backslashreplace")
