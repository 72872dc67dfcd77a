"""Was a label drawn as training needs it: in every slice, and as classes rather than gray values?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.data.checks.findings import Finding
from semivox.data.measurements import label_counts
from semivox.data.planning.sides import AXES

MOST_JUDGED = 16
"""Classes that are judged one by one; more are judged together."""
GRAY_FROM = 8
"""With fewer values, neighbors are equal in images too."""
EQUAL = 0.5
"""Part of neighboring drawn voxels that have the same value in any label; far fewer have in an image."""
ISOLATED = 0.8
"""Part of the drawn slices whose neighbors are empty, from which a label counts as drawn on some slices only."""
FEWEST = 3
"""Drawn slices from which a rhythm can be seen; without a rhythm, twice as many."""


def drawing_findings(label: Path, array: np.ndarray, volume: Volume, ignore: int | None) -> list[Finding]:
    """Judge a sound label (X, Y, Z) of whole numbers in RAS+ orientation, on the grid of its image."""
    counts = label_counts(array)
    values = sorted(set(counts) - {0, ignore})
    if not values:
        return []
    if is_gray(array, len(values)):
        agreement = equal_neighbors(array)
        text = f"{len(values)} values, and only {agreement:.0%} of neighboring voxels have the same: this is an image, "
        fix = "Put the label here and the image into the images folder."
        return [Finding.of_file(label, "error", "image_as_label", text + "not a label", fix)]
    if len(values) > 1 and any(np.array_equal(array, channel) for channel in volume.array):
        text = "label and image hold the same values voxel by voxel"
        fix = "Put the scan into the images folder and its label into the labels folder."
        return [Finding.of_file(label, "error", "image_as_label", text, fix)]
    if ignore is not None and ignore in counts:  # slices that were not drawn are marked
        return []
    return _every_nth(label, array, values)


def is_gray(array: np.ndarray, values: int) -> bool:
    """Whether (X, Y, Z) whole numbers, ``values`` different ones beside 0, are an image's rather than a label's."""
    return values >= GRAY_FROM and equal_neighbors(array) < EQUAL


def equal_neighbors(array: np.ndarray) -> float:
    """Part of the pairs of neighboring drawn voxels that have the same value; 1 where there is no such pair."""
    same = pairs = 0
    for axis in range(3):
        one, other = np.moveaxis(array, axis, 0)[1:], np.moveaxis(array, axis, 0)[:-1]
        both = (one != 0) & (other != 0)
        pairs += int(np.count_nonzero(both))
        same += int(np.count_nonzero(both & (one == other)))
    return same / pairs if pairs else 1.0


def _every_nth(label: Path, array: np.ndarray, values: list[int]) -> list[Finding]:
    """A warning where slices between drawn ones are empty: training would take what is there for background."""
    places = [np.flatnonzero(array.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    box = array[tuple(slice(int(place[0]), int(place[-1]) + 1) for place in places)]
    judged = values if len(values) <= MOST_JUDGED else []
    for value, part in [(None, box != 0), *((value, box == value) for value in judged)]:
        for axis in (2, 1, 0):
            slices = np.flatnonzero(part.any(axis=tuple(other for other in range(3) if other != axis)))
            if (step := rhythm(slices)) is not None:
                what = "the label is" if value is None else f"the value {value} is"
                how = f"every {step}th slice" if step else f"{len(slices)} separate slices"
                text = (
                    f"{what} drawn on {how} ({AXES[axis]}) only: in training, the slices between would "
                    "count as background"
                )
                fix = "Fill in the slices between (3D Slicer: Fill between slices), or give them the value of a class "
                return [Finding.of_file(label, "warning", "sparse_slices", text, fix + '"ignore" in dataset.json.')]
    return []


def rhythm(slices: np.ndarray) -> int | None:
    """The step in which slices (ascending indices) are drawn, if most have empty neighbors; 0: no fixed step."""
    if len(slices) < FEWEST:
        return None
    steps = np.diff(slices)
    alone = np.concatenate([[True], steps > 1]) & np.concatenate([steps > 1, [True]])
    if alone.mean() < ISOLATED:
        return None
    usual = int(np.median(steps))
    if (steps == usual).mean() >= ISOLATED:
        return usual
    return 0 if len(slices) >= 2 * FEWEST else None
