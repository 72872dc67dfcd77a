"""What an expert has drawn, as training needs it: class indices, and places to center patches on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from semivox.core.case import IGNORE, REST
from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.randomness import generator
from semivox.core.voxel_codes import MOST_CLASSES, any_of

FOREGROUND_SAMPLE = 2000
"""Voxels kept per class as places to center patches on; far more than a run draws from one scan per epoch."""


def class_indices(label: np.ndarray, plan: Plan) -> np.ndarray:
    """Label values of the file -> class indices of the plan; the plan's ignore value becomes ``IGNORE``.

    Any number type, any shape -> uint8, same shape. Raises InputError listing values that the plan does not know.
    """
    known = {item.value: index for index, item in enumerate(plan.classes)}
    if plan.ignore is not None:
        known[plan.ignore] = IGNORE
    whole = label
    if not np.issubdtype(label.dtype, np.integer):
        whole = np.rint(label)
        if not np.abs(whole - label).max(initial=0) <= 1e-3:
            raise InputError("the label holds values that are not whole numbers; is it a probability map or an image?")
    low, high = int(whole.min()), int(whole.max())
    if low < 0 or high > 65535:
        raise InputError(f"the label holds values from {low} to {high}; the plan knows {sorted(known)}")
    whole = whole.astype(np.uint16, copy=False)
    present = np.flatnonzero(np.bincount(whole.ravel()))
    unknown = [str(value) for value in present if value not in known]
    if unknown:
        some = ", ".join(unknown[:10]) + (" ..." if len(unknown) > 10 else "")
        raise InputError(f"the label holds values that are no class of the plan: {some} (the plan has {sorted(known)})")
    table = np.zeros(high + 1, np.uint8)
    for value in present:
        table[value] = known[int(value)]
    return table[whole]


def partly_annotated(index: np.ndarray, plan: Plan, annotated: Sequence[str]) -> np.ndarray:
    """A label in which only some classes were looked for: what has none of them may be any other class, so ``REST``.

    Class indices (any shape) uint8 -> the same; ``IGNORE`` in place of REST where there are more classes than a code
    can tell apart. Raises InputError where it shows a class that was not looked for.
    """
    wanted = {place for place, info in enumerate(plan.classes) if info.name in annotated}
    strange = [int(value) for value in np.unique(index) if value not in (0, IGNORE, *wanted)]
    if strange:
        raise InputError(
            f"the label shows {plan.classes[strange[0]].name!r}, which is not among the classes that were looked for "
            f"({', '.join(annotated)}); name it there, or correct the label"
        )
    return np.where(index == 0, np.uint8(IGNORE if rest_of(plan, annotated) is None else REST), index)


def rest_of(plan: Plan, annotated: Sequence[str] | None) -> int | None:
    """The code of a voxel that has none of the classes that were looked for; None: all were (or too many are there)."""
    if annotated is None or len(plan.classes) > MOST_CLASSES:
        return None
    return any_of(place for place, info in enumerate(plan.classes) if place == 0 or info.name not in annotated)


def coded(label: np.ndarray, rest: int | None) -> np.ndarray:
    """A stored label as methods see it: int64 with the code in the place of REST where there is one, else as it is."""
    return np.asarray(label) if rest is None else np.where(label == REST, np.int64(rest), label)


def sample_foreground(label: np.ndarray, name: str) -> np.ndarray:
    """Up to 2000 random voxels of each foreground class, the same ones for the same case name.

    (X, Y, Z) class indices -> (N, 4) int32 rows of class, x, y, z; classes ascending.
    """
    stream = generator(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    flat = label.ravel()
    foreground = np.flatnonzero((flat > 0) & (flat != IGNORE) & (flat != REST))
    rows = []
    for value in np.unique(flat[foreground]):
        voxels = foreground[flat[foreground] == value]
        chosen = stream.choice(voxels, min(len(voxels), FOREGROUND_SAMPLE), replace=False)
        place = np.stack(np.unravel_index(np.sort(chosen), label.shape), axis=1)
        rows.append(np.column_stack([np.full(len(place), value), place]))
    return np.concatenate(rows).astype(np.int32) if rows else np.empty((0, 4), np.int32)
