"""Several volumes in one series (echoes, phases, times, b-values): told apart, listed, and one of them chosen.

``folder#UID#2`` means the second volume of a series, ``folder##2`` of the only series of a folder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from semivox.data.formats.dicom.folders import CHOICE
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.dicom.tags import item, items, word
from semivox.data.formats.scan import ScanError

KEYS = (
    "EchoTime", "DiffusionBValue", "TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime", "ImageType",
    "AcquisitionTime",
)  # fmt: skip
"""What may differ from volume to volume; the first that puts one slice of each volume into every place counts."""
FRAME_KEYS = (
    ("MREchoSequence", "EffectiveEchoTime"), ("MRDiffusionSequence", "DiffusionBValue"),
    ("FrameContentSequence", "TemporalPositionIndex"), ("FrameContentSequence", "StackID"),
    ("FrameContentSequence", "FrameAcquisitionNumber"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
)  # fmt: skip
"""The same of frames in an enhanced multi-frame file (functional groups, PS3.3, C.7.6.16.2)."""


@dataclass(frozen=True)
class OneVolume:
    """The slices of one volume of a series, and what tells it from the others."""

    words: str
    planes: tuple[Plane, ...]


def volumes_of(planes: Sequence[Plane]) -> list[OneVolume]:
    """The volumes of a series in which every place has equally many slices; none where they cannot be told apart."""
    places: dict[tuple[float, ...], list[Plane]] = defaultdict(list)
    for plane in planes:
        places[tuple(round(value, 2) + 0.0 for value in plane.position)].append(plane)
    times = {len(found) for found in places.values()}
    if len(times) != 1 or (count := times.pop()) < 2 or len(places) < 2:
        return []
    for what, trait in _traits():
        groups: dict[str, list[Plane]] = defaultdict(list)
        for plane in planes:
            groups[trait(plane)].append(plane)
        if len(groups) == count and all(_covers(group, places) for group in groups.values()):
            ordered = sorted(groups.items(), key=lambda pair: _order(pair[0]))
            return [OneVolume(f"{what} {value or 'none'}", tuple(group)) for value, group in ordered]
    return _by_number(planes, places, count)


def _traits() -> Iterator[tuple[str, Callable[[Plane], str]]]:
    """What may tell a slice of one volume from one of another: what it is called, and its value."""
    for keyword in KEYS:
        yield keyword, lambda plane, keyword=keyword: word(plane.source.data, keyword)  # type: ignore[misc]
    for sequence, keyword in FRAME_KEYS:
        yield keyword, lambda plane, of=(sequence, keyword): word(item(_frame(plane), of[0]), of[1])  # type: ignore[misc]
    yield "file", lambda plane: plane.source.path.name


def _frame(plane: Plane) -> Dataset:
    """What a multi-frame file says of this frame alone; nothing where it is a single slice."""
    each = items(plane.source.data, "PerFrameFunctionalGroupsSequence")
    return each[plane.frame] if plane.frame < len(each) else Dataset()


def chosen(name: Path, planes: Sequence[Plane], uid: str, number: str) -> Sequence[Plane]:
    """The slices of the volume that is meant. Raises ScanError if there are several and none is chosen."""
    found = volumes_of(planes)
    if not number and not found:
        return planes
    listed = "; ".join(f"{index} ({one.words})" for index, one in enumerate(found[:8], 1))
    if not number:
        places = len(planes) // len(found)
        raise ScanError(
            "several_volumes",
            f"{name}: {len(found)} slices at each of {places} places: {len(found)} volumes in one series, {listed}"
            + ("; ..." if len(found) > 8 else "."),
            f"Name one in a table of cases or on the command line, such as {name.name}{CHOICE}{uid}{CHOICE}1 for the "
            "first, or put its slices into a folder.",
        )
    if not number.isdecimal() or not 1 <= int(number) <= len(found):
        raise ScanError(
            "no_series",
            f"{name} has no volume {number!r}; " + (f"there are {listed}." if found else "its series is one volume."),
            "Write the number of a volume behind the last #.",
        )
    return found[int(number) - 1].planes


def _by_number(planes: Sequence[Plane], places: dict[tuple[float, ...], list[Plane]], count: int) -> list[OneVolume]:
    """One volume after the other in the order of InstanceNumber, or of the frames of the one file."""
    files = {plane.source.path for plane in planes}
    numbers = [word(plane.source.data, "InstanceNumber") for plane in planes]
    if len(files) == 1:
        ordered = sorted(planes, key=lambda plane: plane.frame)
    elif all(number.isdecimal() for number in numbers) and len(set(numbers)) == len(planes):
        ordered = sorted(planes, key=lambda plane: int(word(plane.source.data, "InstanceNumber")))
    else:
        return []
    parts = [tuple(ordered[start : start + len(places)]) for start in range(0, len(ordered), len(places))]
    if len(parts) != count or not all(_covers(part, places) for part in parts):
        return []
    if len(files) == 1:
        return [OneVolume(f"frames from {part[0].frame + 1}", part) for part in parts]
    first = (word(part[0].source.data, "InstanceNumber") for part in parts)
    return [OneVolume(f"InstanceNumber from {number}", part) for number, part in zip(first, parts, strict=True)]


def _covers(group: Sequence[Plane], places: dict[tuple[float, ...], list[Plane]]) -> bool:
    """Whether a group has one slice in every place."""
    return (
        len({tuple(round(value, 2) + 0.0 for value in plane.position) for plane in group}) == len(group) == len(places)
    )


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers by size, before words."""
    try:
        return False, float(value), ""
    except ValueError:
        return True, 0.0, value
