"""Are the classes of a label to one another as in the other scans: where they lie, how large and how bright they are?

Numbers that were exchanged in one scan make a sound label, and teach the network the wrong thing. Each trait of a pair
of classes changes its sign when the two are exchanged, so nothing depends on the unit or on the size of the patient.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from semivox.core.case import Volume
from semivox.core.plan import ClassInfo
from semivox.data.checks.examined import ClassTraits, Examined
from semivox.data.checks.findings import Finding
from semivox.data.checks.units import Intensities
from semivox.data.measurements import centers, class_means, label_counts
from semivox.data.planning.sides import pairs

FEWEST = 3
"""Scans that show both classes, from which one can be the odd one."""
NEAR = (0.5, 1.5)
"""Times the usual value between which a trait must lie in nearly all other scans to tell anything."""
NEARLY_ALL = 0.9
EXCHANGED = -0.5
"""Times the usual value below which a trait is the other way round."""
USUAL = 0.3
"""Times the usual value above which it is not."""
APART = np.log(1.5)
"""Logarithm of the ratio of two volumes from which one class is the larger."""
BRIGHTER = 0.1
"""Part of the range of a scan by which one class is the brighter."""


def class_traits(label: np.ndarray, volume: Volume, seen: Intensities) -> dict[int, ClassTraits]:
    """Value -> what that class of a label (X, Y, Z) is like; ``seen``: the first channel's intensities."""
    low, middle, high = seen.percentiles[1], seen.percentiles[3], seen.percentiles[-2]
    means, counts = class_means(volume.array[0], label), label_counts(label)
    edge = float(np.prod(volume.spacing))
    return {
        value: ClassTraits(center, counts[value] * edge, (means[value] - middle) / ((high - low) or 1.0))
        for value, center in centers(label, volume.spacing).items()
    }


@dataclass(frozen=True)
class Pair:
    """How one class is to another in one scan."""

    offset: np.ndarray
    """(3,) mm from the other's center to its own, RAS+."""
    volume: float
    """Logarithm of the ratio of their volumes."""
    brightness: float
    """By how much it is brighter, as a part of the scan's range."""


def exchanged_classes(
    cases: Sequence[Examined], classes: Sequence[ClassInfo], files: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """(case, finding) where two classes are to one another as if exchanged; pairs of sides are judged elsewhere."""
    name_of = {item.value: item.name for item in classes}
    sides = {frozenset((one.value, other.value)) for axis in range(3) for one, other in pairs(classes, axis)}
    found: dict[str, list[tuple[str, bool]]] = {}
    for one, other in combinations(sorted(name_of), 2):
        if frozenset((one, other)) in sides:
            continue
        known = {case.name: _pair(case, one, other) for case in cases if {one, other} <= case.classes.keys()}
        for case, turned in _odd(known).items():
            found.setdefault(case, []).append((f"{name_of[one]} and {name_of[other]}", turned))
    return [(case, _finding(judged, files[case])) for case, judged in found.items()]


def _finding(judged: Collection[tuple[str, bool]], file: str) -> Finding:
    """The finding on a case: the classes that are odd, each with whether they only lie the other way round."""
    names = ", ".join(name for name, _ in list(judged)[:3]) + (", ..." if len(judged) > 3 else "")
    if any(turned for _, turned in judged):
        text = f"{names} lie the other way round than in the other scans, and look like there: is the label mirrored?"
        fix = "Look at the label on its scan; correct its orientation, or that of the scan. No action if it fits."
    else:
        text = f"{names} are to one another as if their numbers were exchanged, compared with the other scans"
        fix = "Look at the label on its scan; exchange the numbers where they are wrong. No action if it fits."
    return Finding.of("warning", "classes_exchanged", text, fix, file)


def _pair(case: Examined, one: int, other: int) -> Pair:
    first, second = case.classes[one], case.classes[other]
    offset = np.subtract(first.center, second.center)
    return Pair(offset, float(np.log(first.volume / second.volume)), first.brightness - second.brightness)


def _odd(known: Mapping[str, Pair]) -> dict[str, bool]:
    """Case -> whether its classes only lie the other way round; of cases whose classes seem to be exchanged."""
    if len(known) < FEWEST:
        return {}
    names = list(known)
    offsets = np.array([known[name].offset for name in names])
    volumes, brightness = (
        np.array([getattr(known[name], what) for name in names]) for what in ("volume", "brightness")
    )
    found = {}
    for index, name in enumerate(names):
        rest = np.arange(len(names)) != index
        middle = np.median(offsets[rest], axis=0)
        lying = _times(offsets @ middle, float(middle @ middle), rest, 0.0, index)
        seeming = [
            _times(values, float(np.median(values[rest])), rest, least, index)
            for values, least in ((volumes, APART), (brightness, BRIGHTER))
        ]
        telling = [value for value in (lying, *seeming) if value is not None]
        if not any(value < EXCHANGED for value in telling):
            continue
        if all(value < USUAL for value in telling):
            found[name] = False
        elif lying is not None and lying < EXCHANGED and all(value is None or value > USUAL for value in seeming):
            found[name] = True
    return found


def _times(values: np.ndarray, usual: float, rest: np.ndarray, least: float, index: int) -> float | None:
    """A trait as a multiple of its usual value; None where it tells nothing, as it varies or is small in the others."""
    if abs(usual) <= least:
        return None
    times = values / usual
    near = (times[rest] > NEAR[0]) & (times[rest] < NEAR[1])
    return float(times[index]) if near.mean() >= NEARLY_ALL else None
