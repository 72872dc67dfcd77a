"""Is a label a label, with known values, and does it lie on its image?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.data.checks.findings import Finding
from semivox.data.formats.orientation import corner_distance
from semivox.data.formats.volume import ROUNDING
from semivox.data.measurements import label_counts
from semivox.data.planning.sides import AXES

EQUAL_MM = 0.01
"""Corner distance that rounding in headers explains."""
EQUAL_VOXELS = 0.01
ROUNDED_VOXELS = 0.1
"""Part of a voxel up to which rounding in headers may explain where a label lies; more is a shift."""
FAR_VOXELS = 0.45
"""Part of a voxel beyond which a label is not taken to lie on its image: half a voxel is."""
HALF_WITHIN = 0.05
"""Voxels by which half a voxel may be missed and still be half a voxel."""
MOST_VALUES = 256
"""No label set has more classes; more distinct values are a gray image."""
MOST_CLASS = 32
"""Fractions from 0 up to here look like an interpolated label; beyond, like an image."""


def place_findings(label: Path, grid: Grid, image: Grid) -> list[Finding]:
    """Do label and image stand on the same grid? Both canonical. 1 % of a voxel is equal, half of one a warning."""
    if grid.shape != image.shape:
        text = f"the label has {grid.shape} voxels, its image {image.shape} (both along right, front, up)"
        return [Finding.of_file(label, "error", "shape_mismatch", text, "Resample the label onto the image's grid.")]
    distance, voxel = corner_distance(grid, image), min(image.spacing)
    if distance <= max(EQUAL_MM, EQUAL_VOXELS * voxel):
        return []
    text = f"label and image lie up to {distance:.3g} mm apart at the corners (a voxel is {voxel:.3g} mm)"
    if shift := _half_voxels(grid, image):
        text += f": half a voxel {shift}, as where one program counts from the corners of voxels, another from centers"
    if distance <= ROUNDED_VOXELS * voxel:
        fix = "No action if rounding explains it; the image's geometry is used."
        return [Finding.of_file(label, "warning", "geometry_mismatch", text, fix)]
    fix = "If they match voxel by voxel, copy the image's geometry into the label; else resample the label."
    far = distance > FAR_VOXELS * voxel
    return [Finding.of_file(label, "error" if far else "warning", "geometry_mismatch", text, fix)]


def _half_voxels(grid: Grid, image: Grid) -> str:
    """The axes along which two grids are half a voxel apart, where that is all that they are; else empty."""
    moved = grid.affine - image.affine
    if np.abs(moved[:3, :3] @ np.array(image.shape)).max() > EQUAL_VOXELS * min(image.spacing):
        return ""
    voxels = np.abs(np.linalg.solve(image.affine[:3, :3], moved[:3, 3]))
    half = np.abs(voxels - 0.5) < HALF_WITHIN
    return " and ".join(np.array(AXES)[half]) if half.any() and (half | (voxels < HALF_WITHIN)).all() else ""


def value_findings(
    label: Path, array: np.ndarray, known: Sequence[int] | None, ignore: int | None
) -> tuple[list[Finding], np.ndarray | None]:
    """Judge the values of a label (X, Y, Z) as stored; also the label as whole numbers, None if it is none.

    ``known``: the values that the data set declares; None: any.
    """
    if array.dtype.kind == "f":
        problem, whole = _whole(label, array, max(known) if known else MOST_CLASS)
        if whole is None:
            return problem, None
    else:
        problem, whole = [], array
    counts = label_counts(whole)
    if len(counts) > MOST_VALUES:
        return [_image(label, len(counts), min(counts), max(counts))], None
    negative = sorted(value for value in counts if value < 0)
    if negative:
        text = f"the label has the negative values {negative[:8]}"
        return [
            Finding.of_file(label, "error", "negative_label", text, "Give each class a value from 0 (background).")
        ], None
    return problem + _known(label, counts, known, ignore) + _empty(label, counts, ignore), whole


def _whole(label: Path, array: np.ndarray, highest: int) -> tuple[list[Finding], np.ndarray | None]:
    """Float values as whole numbers if they are within 1e-3 of them."""
    if not np.isfinite(array).all():
        text = "the label has values that are NaN or infinite"
        return [Finding.of_file(label, "error", "nonfinite", text, "Export the label again.")], None
    rounded = np.rint(array)
    off = float(np.abs(array - rounded).max())
    if off > ROUNDING:
        lowest, top, distinct = float(array.min()), float(array.max()), len(np.unique(array.ravel()[:1_000_000]))
        if distinct > MOST_VALUES and (lowest < 0 or top > highest):
            return [_image(label, distinct, lowest, top)], None
        text = f"values are not whole numbers (off by up to {off:.3g}): interpolated, or probabilities"
        fix = "Save class numbers; resample labels by nearest neighbor."
        return [Finding.of_file(label, "error", "float_label", text, fix)], None
    found = []
    if off > 0:
        text = f"values are off whole numbers by up to {off:.2g} (a slope in the header); they are rounded"
        found.append(Finding.of_file(label, "note", "rounded_label", text, "No action; saving as uint8 avoids it."))
    return found, rounded.astype(np.int32)


def _known(label: Path, counts: dict[int, int], known: Sequence[int] | None, ignore: int | None) -> list[Finding]:
    """Values that the data set does not declare; without a declaration, a note on gaps."""
    values = sorted(set(counts) - {0, ignore})
    if known is None:
        if not values or values == list(range(1, len(values) + 1)):
            return []
        text = f"the values {values} have gaps; they become classes 1 to n in this order, and are restored on output"
        return [Finding.of_file(label, "note", "label_gaps", text, "Name the classes in dataset.json to be sure.")]
    unknown = [value for value in values if value not in known]
    if not unknown:
        return []
    listed = ", ".join(f"{value} ({counts[value]} voxels)" for value in unknown[:8])
    classes = ", ".join(map(str, sorted({*known} - {ignore})[:20]))
    text = f"the label has values that are no class of this data set ({classes}): {listed}"
    fix = "Correct the label, or name its values in dataset.json where that names the classes."
    return [Finding.of_file(label, "error", "unknown_label", text, fix)]


def strange_findings(
    label: Path, whole: np.ndarray | None, classes: Sequence[ClassInfo] | None, annotated: Sequence[str] | None
) -> list[Finding]:
    """Classes that a label (X, Y, Z) shows though nobody looked for them in this scan, by what the data set says."""
    if whole is None or classes is None or annotated is None:
        return []
    names = {info.value: info.name for info in classes[1:]}
    found = [names[value] for value in label_counts(whole) if value in names and names[value] not in annotated]
    if not found:
        return []
    text = f"the label shows {', '.join(found)}, and only {', '.join(annotated)} was looked for, says the data set"
    fix = 'Add it to the classes of this scan ("annotated" in dataset.json or the table), or take it out of the label.'
    return [Finding.of_file(label, "error", "not_looked_for", text, fix)]


def _empty(label: Path, counts: dict[int, int], ignore: int | None) -> list[Finding]:
    if set(counts) - {0, ignore}:
        return []
    fix = "Keep it if there is nothing to see in this scan; if labeling was forgotten, remove the label file."
    return [Finding.of_file(label, "warning", "empty_label", "the label holds only background", fix)]


def _image(label: Path, distinct: int, lowest: float, highest: float) -> Finding:
    text = f"{distinct} distinct values from {lowest:g} to {highest:g}: this is an image, not a label"
    return Finding.of_file(
        label, "error", "image_as_label", text, "Put the label here, and the image into the images folder."
    )
