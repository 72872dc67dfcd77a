"""The one series of a folder that is meant, and what lies beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.plurals import plural
from semivox.data.formats.dicom.folders import CHOICE, dicom_files, split_choice, split_volume
from semivox.data.formats.dicom.kinds import kind_of, words_for
from semivox.data.formats.dicom.opening import Opened, open_file, require_pixels
from semivox.data.formats.dicom.planes import TAGS
from semivox.data.formats.dicom.tags import whole, word
from semivox.data.formats.scan import ScanError

MOST_FILES = 20_000
"""DICOM files of one scan."""


@dataclass(frozen=True)
class Series:
    """The image files of one series."""

    uid: str
    files: tuple[Opened, ...]

    @property
    def words(self) -> str:
        """The series for people: UID, modality, description, how many images."""
        data = self.files[0].data
        images = sum(whole(file.path, file.data, "NumberOfFrames", 1) for file in self.files)
        known = [
            word(data, "Modality"),
            repr(word(data, "SeriesDescription")) if word(data, "SeriesDescription") else "",
        ]
        return f"{self.uid or 'no UID'} ({', '.join([*filter(None, known), plural(images, 'image')])})"

    @property
    def is_picture(self) -> bool:
        """Whether it is of screen shots or localizers' like: in color, or nowhere in space."""
        data = self.files[0].data
        color = whole(self.files[0].path, data, "SamplesPerPixel", 1) > 1
        placed = "ImagePositionPatient" in data or "PerFrameFunctionalGroupsSequence" in data
        return color or not placed


@dataclass(frozen=True)
class Contents:
    """What the DICOM files of a folder are."""

    series: tuple[Series, ...]
    others: tuple[Opened, ...]
    """Files that are no images."""
    strangers: tuple[Path, ...]
    """Files that are not DICOM."""


def open_series(path: Path) -> tuple[Series, Contents]:
    """The series that ``path`` (a file, a folder, or ``folder#UID``) means, and all else beside it.

    Raises ScanError if there is none or several to choose from.
    """
    folder, choice = split_choice(path)
    choice, _ = split_volume(choice)
    contents = contents_of(folder)
    found = contents.series
    if choice:
        return _chosen(folder, choice, found), contents
    if len(found) > 1:
        found = tuple(series for series in found if not series.is_picture) or found
    if not found:
        kinds = sorted({words_for(file) for file in contents.others})
        raise ScanError(
            "no_images", f"{folder} holds no DICOM image" + (f", only: {', '.join(kinds)}." if kinds else "."),
            "Give the folder of the series itself.",
        )  # fmt: skip
    if len(found) > 1:
        listed = "; ".join(series.words for series in found[:6]) + ("; ..." if len(found) > 6 else "")
        raise ScanError(
            "several_series", f"{folder} holds {len(found)} DICOM series: {listed}.",
            f"Put each into a folder of its own, or name one: {folder.name}{CHOICE}{_short(found[0].uid, found)} "
            "in a table of cases or on the command line.",
        )  # fmt: skip
    return found[0], contents


def contents_of(folder: Path) -> Contents:
    """All DICOM files of a folder (or a single file) by what they are. Raises ScanError, OSError."""
    files = [folder] if folder.is_file() else list(dicom_files(folder))
    if len(files) > MOST_FILES:
        raise ScanError("several_series", f"{folder} holds {len(files)} DICOM files.", "Give the folder of one series.")
    opened = [open_file(file, TAGS) for file in files]
    images = [file for file in opened if kind_of(file) == "image"]
    for file in images:
        require_pixels(file)  # else a cut slice would pass for a picture of another series
    groups: dict[str, list[Opened]] = {}
    for file in images:
        groups.setdefault(word(file.data, "SeriesInstanceUID"), []).append(file)
    series = tuple(Series(uid, tuple(groups[uid])) for uid in sorted(groups))
    others = tuple(file for file in opened if kind_of(file) != "image")
    known = set(files)
    beside = sorted({file.parent for file in files})
    strangers = () if folder.is_file() else tuple(
        path for parent in beside for path in sorted(parent.iterdir())
        if path.is_file() and path not in known and not path.name.startswith(".")
    )  # fmt: skip
    return Contents(series, others, strangers)


def _chosen(folder: Path, choice: str, found: Sequence[Series]) -> Series:
    """The one series whose UID is, or ends with, the choice."""
    fitting = [series for series in found if series.uid == choice] or [
        series for series in found if series.uid.endswith(choice)
    ]
    if len(fitting) != 1:
        listed = "; ".join(series.words for series in found[:6]) or "none"
        raise ScanError(
            "no_series" if not fitting else "several_series",
            f"{folder} has {len(fitting)} series whose UID ends with {choice!r}; it holds: {listed}.",
            "Write the whole UID behind the #.",
        )
    return fitting[0]


def _short(uid: str, found: Sequence[Series]) -> str:
    """The last part of a UID, longer where that does not tell it from the others."""
    parts = uid.split(".")
    endings = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
    return next((end for end in endings if sum(one.uid.endswith(end) for one in found) == 1), uid)
