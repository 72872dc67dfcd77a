"""Which classes are the left or right, front or back, upper or lower of two, and what mirroring would do to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from semivox.core.plan import CaseFacts, ClassInfo

HIGH_LOW = (
    (
        {"right", "r", "rt", "rh", "rechts", "droite", "droit", "derecho", "derecha", "destra", "destro", "dexter"},
        {"left", "l", "lt", "lh", "links", "gauche", "izquierdo", "izquierda", "sinistra", "sinistro", "sinister"},
    ),
    ({"anterior", "ventral", "ant"}, {"posterior", "dorsal", "post"}),
    ({"superior", "cranial", "sup", "upper"}, {"inferior", "caudal", "inf", "lower"}),
)
"""Words for the side of higher and of lower coordinates along right, front, up."""
GLUED = (("right", "left"),)
"""Words that are also found at an end of a longer word: ``leftkidney``."""
UNPAIRED = {"atrium", "atrial", "ventricle", "ventricular"}
"""Parts whose other side looks different: one of them alone cannot be mistaken for its mirror image."""
EMPTY = {"class", "label", "structure", "roi", "region", "value", "organ", "object", "segment", "seg", "mask", "target",
         "foreground", "fg", "unknown", "unnamed"}  # fmt: skip
"""Words that name nothing."""
AXES = ("left-right", "front-back", "up-down")
ALIKE = 2.0
"""Two classes whose volumes differ by less than this factor could be the two sides of one structure."""


def words(name: str) -> set[str]:
    """The words of a class name: ``"Kidney_leftLower2"`` -> kidney, left, lower."""
    found = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    for word in list(found):
        for side in (side for pair in GLUED for side in pair):
            if len(word) >= len(side) + 4 and (word.startswith(side) or word.endswith(side)):
                found |= {side, word.removeprefix(side).removesuffix(side)}
    return found


def is_named(item: ClassInfo) -> bool:
    """Whether a class name says what it is: ``class 1`` and ``label_2`` do not."""
    return bool(words(item.name) - EMPTY)


def side(name: str, axis: int) -> int:
    """1 or -1 where the name says on which side along an axis a class lies; 0: it does not, or says both."""
    high, low = HIGH_LOW[axis]
    found = words(name)
    return bool(found & high) - bool(found & low)


def pairs(classes: Sequence[ClassInfo], axis: int) -> list[tuple[ClassInfo, ClassInfo]]:
    """(higher, lower) of classes whose names differ in nothing but the side: right kidney, left kidney."""
    both = HIGH_LOW[axis][0] | HIGH_LOW[axis][1]
    sided = [item for item in classes if side(item.name, axis)]
    return [
        (one, other) if side(one.name, axis) > 0 else (other, one)
        for one, other in combinations(sided, 2)
        if side(one.name, axis) == -side(other.name, axis) and words(one.name) - both == words(other.name) - both
    ]


def apart(higher: ClassInfo, lower: ClassInfo, cases: Sequence[CaseFacts]) -> np.ndarray:
    """(N, 3): in each labeled scan that shows both, how far the one lies above the other along each axis, mm."""
    found = [
        np.subtract(case.centers[higher.value], case.centers[lower.value])
        for case in cases
        if higher.value in case.centers and lower.value in case.centers
    ]
    return np.array(found).reshape(-1, 3)


def mirror(classes: Sequence[ClassInfo], cases: Sequence[CaseFacts]) -> tuple[tuple[bool, bool, bool], str]:
    """Axes along which a mirrored scan still has the right labels, and why. ``classes`` without the background."""
    allowed, reasons = [True, True, True], list[str]()
    for axis in range(3):
        sided = [item for item in classes if words(item.name) & (HIGH_LOW[axis][0] | HIGH_LOW[axis][1])]
        if len(sided) == 1 and words(sided[0].name) & UNPAIRED:
            reasons.append(f"{sided[0].name} names a side, but has no counterpart that looks like it")
        elif sided:
            allowed[axis] = False
            listed = ", ".join(item.name for item in sided)
            reasons.append(f"off along {'xyz'[axis]} ({AXES[axis]}): mirrored there, {listed} would be the wrong class")
        for higher, lower in pairs(classes, axis):
            true = _axis(apart(higher, lower, cases))
            if true is not None and true != axis and allowed[true]:
                allowed[true] = False
                reasons.append(
                    f"off along {'xyz'[true]}: {higher.name} and {lower.name} lie apart there, whatever the headers say"
                )
    if not all(allowed):
        allowed = [False] * 3
        reasons.append(
            "off along the other axes too: sides are told apart by the anatomy around them, which would be mirrored"
        )
    unnamed = [item for item in classes if not is_named(item)]
    if unnamed:
        _without_names(unnamed, cases, allowed, reasons)
    x, y, z = allowed
    return (x, y, z), "; ".join(reasons) or "no class names a side"


def _without_names(
    unnamed: Sequence[ClassInfo], cases: Sequence[CaseFacts], allowed: list[bool], reasons: list[str]
) -> None:
    """Switch off the axes along which classes without names could be two sides of one structure."""
    listed = ", ".join(item.name for item in unnamed[:6]) + (", ..." if len(unnamed) > 6 else "")
    if allowed[0]:
        allowed[0] = False
        reasons.append(
            f"off along x (left-right): {listed} could be a left or a right part; name the classes to decide"
        )
    for one, other in combinations(unnamed, 2):
        axis = _axis(apart(one, other, cases))
        if axis is not None and allowed[axis] and _alike(one, other, cases):
            allowed[axis] = False
            reasons.append(
                f"off along {'xyz'[axis]} ({AXES[axis]}): {one.name} and {other.name} are alike in size and lie apart "
                "there; name the classes to decide"
            )


def _axis(apart: np.ndarray) -> int | None:
    """The axis along which two classes lie apart most, the same way in every scan; None if there is none."""
    if not len(apart):
        return None
    axis = int(np.abs(np.median(apart, axis=0)).argmax())
    signs = np.sign(apart[:, axis])
    return axis if signs[0] and (signs == signs[0]).all() else None


def _alike(one: ClassInfo, other: ClassInfo, cases: Sequence[CaseFacts]) -> bool:
    """Whether two classes have about the same volume."""
    sizes = [sum(case.voxels.get(item.value, 0) for case in cases) for item in (one, other)]
    return min(sizes) > 0 and max(sizes) < ALIKE * min(sizes)
