"""Names of classes in label files: which number is which class is a matter of names wherever a file gives them.

The numbers of a segmentation drawn by hand follow the order of drawing: liver may be 1 in one scan and 2 in the next.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.plan import ClassInfo
from semivox.data.formats import itksnap, registry
from semivox.data.formats.scan import ScanError, Segment
from semivox.data.formats.slicer import MOST_VALUE

UNNAMED = re.compile(r"((segment|label|class|region|roi|structure|value)? ?\d*|clear label|foreground|mask|ignore)")
"""Names that programs give by themselves, which say nothing about a class."""


def segments_of(path: Path) -> tuple[Segment, ...]:
    """Names and numbers of a label's classes: from its own header, or from an ITK-SNAP description beside it.

    Empty if nothing says them. Opens no voxels. Raises ScanError.
    """
    return registry.require(path).read_segments(path) or itksnap.segments_beside(path)


def named(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Those whose names say something, background left out."""
    return tuple(one for one in segments if not is_unnamed(one.name) and one.value != 0)


def is_unnamed(name: str) -> bool:
    """Whether a name is one that programs give by themselves, such as ``Segment_1``."""
    return UNNAMED.fullmatch(plain(name)) is not None


def names_of(classes: Sequence[ClassInfo]) -> tuple[str, ...]:
    """The telling names of a data set's classes, without its background."""
    return tuple(info.name for info in classes if info.value and not is_unnamed(info.name))


def plain(name: str) -> str:
    """A name as it is compared: case, spaces, hyphens and underscores do not count."""
    return " ".join(re.split(r"[\s_\-]+", unicodedata.normalize("NFC", name).casefold())).strip()


def by_name(path: Path, array: np.ndarray, segments: Sequence[Segment], classes: Sequence[ClassInfo]) -> np.ndarray:
    """A label (1, X, Y, Z) with the numbers that the data set gives to the names of its segments.

    ``classes``: background first. Values whose segments have no telling name are kept where that is unambiguous.
    Labels and data sets without names come back as they are. Raises ScanError ``segment_names``.
    """
    told = named(segments)
    declared = {plain(info.name): info.value for info in classes if not is_unnamed(info.name)}
    if not told or not any(value for value in declared.values()):
        return array
    present = values_in(array) - {0}
    target: dict[int, int] = {}
    for one in told:
        if one.value not in present:
            continue
        if plain(one.name) not in declared:
            listed = ", ".join(info.name for info in classes)
            raise _refused(path, f"the segment {one.name!r} ({one.value}) is not among the classes: {listed}")
        target[one.value] = declared[plain(one.name)]
    for value in present - target.keys():
        if value in target.values():
            raise _refused(path, f"the value {value} has no name, and is the number of a class that has one here")
        target[value] = value
    names = {one.value: one.name for one in told}
    if twice := [value for value in target if list(target.values()).count(target[value]) > 1]:
        listed = " and ".join(repr(names.get(value, value)) for value in sorted(twice)[:4])
        raise _refused(path, f"the segments {listed} would be one class")
    if all(old == new for old, new in target.items()):
        return array
    table = np.zeros(max(target) + 1, np.int32)
    table[list(target)] = list(target.values())
    return table[array]


def drawn_of(segments: Sequence[Segment], array: np.ndarray) -> tuple[Segment, ...]:
    """The named segments that a label has voxels of."""
    told = named(segments)
    present = values_in(array) if told else set()
    return tuple(one for one in told if one.value in present)


def values_in(array: np.ndarray) -> set[int]:
    """The distinct values of a label; quick for the numbers that labels have."""
    if array.size and array.min() >= 0 and array.max() <= MOST_VALUE:
        occupied = np.zeros(int(array.max()) + 1, bool)
        occupied[array] = True  # one pass without sorting
        return {int(value) for value in np.flatnonzero(occupied)}
    return {int(value) for value in np.unique(array)}


def _refused(path: Path, text: str) -> ScanError:
    fix = "Give segments and classes (in dataset.json) the same names, one each."
    return ScanError("segment_names", f"{path}: {text}.", fix)
