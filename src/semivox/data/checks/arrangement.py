"""Are the classes of a label to one another as in the other scans: where they lie, how large and how bright they are?

Numbers that were exchanged in one scan make a sound label, and teach the network the wrong thing. Each trait of a pair
of classes changes its sign when the two are exchanged, so nothing depends on the unit or on the size of the patient.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
SLACK = 0.2
"""By how much wider the first, quick look takes these limits, in which the odd scan is among the others."""
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


def exchanged_classes(
    cases: Sequence[Examined], classes: Sequence[ClassInfo], files: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """(case, finding) where two classes are to one another as if exchanged; pairs of sides are judged elsewhere."""
    shown = [case for case in cases if case.classes]
    if len(shown) < FEWEST:
        return []
    sides = {frozenset((one.value, other.value)) for axis in range(3) for one, other in pairs(classes, axis)}
    traits = np.array([[_row(case, item.value) for item in classes] for case in shown]).reshape(
        len(shown), len(classes), 5
    )
    found: dict[str, list[tuple[str, bool]]] = {}
    for one, other in combinations(range(len(classes)), 2):
        if frozenset((classes[one].value, classes[other].value)) in sides:
            continue
        differences = traits[:, one] - traits[:, other]
        both = np.flatnonzero(np.isfinite(differences).all(axis=1))
        for index, turned in _odd(differences[both]).items():
            name = f"{classes[one].name} and {classes[other].name}"
            found.setdefault(shown[both[index]].name, []).append((name, turned))
    return [(case, _finding(judged, files[case])) for case, judged in found.items()]


def _row(case: Examined, value: int) -> tuple[float, ...]:
    """Center (3, mm), logarithm of the volume, brightness of a class; not a number where the scan does not show it."""
    if value not in case.classes:
        return (np.nan,) * 5
    traits = case.classes[value]
    return (*traits.center, float(np.log(traits.volume)), traits.brightness)


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


def _odd(differences: np.ndarray) -> dict[int, bool]:
    """Row -> whether its classes only lie the other way round; of rows (N, 5) whose classes seem to be exchanged.

    A row holds what the one class has more than the other: mm along x, y, z, logarithm of volume, brightness.
    """
    if len(differences) < FEWEST:
        return {}
    found = {}
    for index in _suspects(differences):
        rest = np.delete(np.arange(len(differences)), index)
        middle = np.median(differences[rest, :3], axis=0)
        lying = _times(differences[:, :3] @ middle, float(middle @ middle), 0.0, rest)
        seeming = [
            _times(differences[:, trait], float(np.median(differences[rest, trait])), least, rest)
            for trait, least in ((3, APART), (4, BRIGHTER))
        ]
        telling = [float(times[index]) for times in (lying, *seeming) if times is not None]
        if not any(value < EXCHANGED for value in telling):
            continue
        if all(value < USUAL for value in telling):
            found[index] = False
        elif telling[0] < EXCHANGED and lying is not None and all(value > USUAL for value in telling[1:]):
            found[index] = True
    return found


def _suspects(differences: np.ndarray) -> list[int]:
    """Rows (of (N, 5)) with some trait the other way round than in most, to be looked at one by one: few, or none."""
    middle = np.median(differences, axis=0)
    place = float(middle[:3] @ middle[:3]) or 1.0
    times = [differences[:, :3] @ middle[:3] / place, *(differences[:, k] / (middle[k] or 1.0) for k in (3, 4))]
    odd = np.zeros(len(differences), bool)
    for one in times:
        near = (one > NEAR[0] - SLACK) & (one < NEAR[1] + SLACK)
        if near.mean() >= NEARLY_ALL - 1 / len(one) - SLACK / 4:
            odd |= one < EXCHANGED / 2
    return np.flatnonzero(odd).tolist()


def _times(values: np.ndarray, usual: float, least: float, rest: np.ndarray) -> np.ndarray | None:
    """A trait (N,) in multiples of its usual value; None where it tells nothing: it varies in the rest, or is small."""
    if abs(usual) <= least:
        return None
    times = values / usual
    near = (times[rest] > NEAR[0]) & (times[rest] < NEAR[1])
    return times if near.mean() >= NEARLY_ALL else None
