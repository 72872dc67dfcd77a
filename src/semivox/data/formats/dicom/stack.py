"""From slices, each with a place of its own, to one grid; slices that make no volume are refused by name.

Nothing is believed because another slice says so: orientation, pixel spacing, rows, columns, frame of reference and the
step to the next slice are compared for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from semivox.core.geometry import Grid
from semivox.core.plurals import plural
from semivox.data.formats.dicom.alike import EACH, names_of, require_alike
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.orientation import is_usable
from semivox.data.formats.scan import ScanError, require_sane

GAP = 0.01
"""The part of the slice distance by which a step between two slices may differ from the others."""
GAP_MM = 0.02
"""What rounding of positions to hundredths of a millimeter explains."""
MOST_TURN = 0.1
"""Degrees between two slices; rounding to four digits makes 0.006."""
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


def stack(name: str, planes: Sequence[Plane]) -> tuple[list[Plane], Grid]:
    """The slices in order of place, and their grid (x along rows, y along columns, z from slice to slice).

    Raises ScanError naming the slices that differ, are missing or lie twice in one place.
    """
    require_alike(name, planes)
    orientation = _median_orientation(planes)
    _require_parallel(name, planes, orientation)
    if len(planes) < 2:
        raise ScanError(
            "uneven_slices", f"{name}: 1 slice; one volume needs at least two.", "Give the folder of the whole series."
        )
    normal = np.cross(orientation[:3], orientation[3:])
    ordered = sorted(planes, key=lambda plane: float(normal @ np.array(plane.position)))
    positions = np.array([plane.position for plane in ordered])
    _require_even(name, ordered, positions, positions @ normal)
    rows, columns = ordered[0].shape
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * ordered[0].spacing[1] * LPS_TO_RAS
    affine[:3, 1] = orientation[3:] * ordered[0].spacing[0] * LPS_TO_RAS
    affine[:3, 2] = (positions[-1] - positions[0]) / (len(ordered) - 1) * LPS_TO_RAS  # a tilted gantry shows as shear
    affine[:3, 3] = positions[0] * LPS_TO_RAS
    if not is_usable(affine):
        raise ScanError("bad_affine", f"{name}: the slices do not span a volume.", "Export the series again.")
    require_sane(name, (columns, rows, len(ordered)))
    return ordered, Grid((columns, rows, len(ordered)), affine)


def _median_orientation(planes: Sequence[Plane]) -> np.ndarray:
    """(6,) the most common directions, made exactly perpendicular and of length one."""
    usual = Counter(tuple(round(value, 3) for value in plane.orientation) for plane in planes).most_common(1)[0][0]
    alike = [plane.orientation for plane in planes if tuple(round(value, 3) for value in plane.orientation) == usual]
    row, column = np.mean(alike, axis=0).reshape(2, 3)
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    return np.concatenate([row, column / np.linalg.norm(column)])


def _require_parallel(name: str, planes: Sequence[Plane], orientation: np.ndarray) -> None:
    """All rows and columns run the same way: no other plane, nothing turned, mirrored or lying prone."""
    cosines = np.array([plane.orientation for plane in planes]).reshape(-1, 2, 3)
    lengths = np.linalg.norm(cosines, axis=2)
    agreement = (cosines * orientation.reshape(1, 2, 3)).sum(axis=2) / lengths
    turned = np.degrees(np.arccos(np.clip(agreement, -1, 1))).max(axis=1)
    odd = [plane for plane, angle in zip(planes, turned, strict=True) if angle > MOST_TURN]
    if odd:
        worst = float(turned.max())
        raise ScanError(
            "mixed_orientation",
            f"{name}: slices are turned against one another by up to {worst:.1f} degrees: "
            f"{names_of(odd)} against the {len(planes) - len(odd)} others.",
            EACH,
        )


def _require_even(name: str, ordered: Sequence[Plane], positions: np.ndarray, heights: np.ndarray) -> None:
    """Equal steps from slice to slice, in all three directions."""
    rises = np.diff(heights)
    apart = rises[rises > 1e-3]
    if not len(apart):
        raise ScanError(
            "uneven_slices", f"{name}: all {len(ordered)} slices lie in one place ({names_of(ordered)}).",
            "Export the series again; their positions were lost, or they are one slice at several times.",
        )  # fmt: skip
    distance = float(np.median(apart))
    slack = max(GAP * distance, GAP_MM)
    doubled = [index for index, rise in enumerate(rises) if rise < slack]
    if doubled:
        raise _doubled(name, ordered, heights, doubled, len(apart) + 1)
    gaps = [index for index, rise in enumerate(rises) if abs(rise - distance) > slack]
    if gaps:
        index = gaps[0]
        missing = rises[index] / distance - 1
        lacks = (
            f"{plural(round(missing), 'missing slice')}"
            if missing > 0.5 and abs(missing - round(missing)) < 0.1
            else "uneven"
        )
        raise ScanError(
            "uneven_slices",
            f"{name}: {lacks} between {ordered[index].name} and {ordered[index + 1].name} ({rises[index]:.2f} mm "
            f"apart; elsewhere {distance:.2f} mm)" + (f"; {len(gaps)} such steps in all." if len(gaps) > 1 else "."),
            "Restore the missing slices, or resample the scan onto even slices.",
        )
    steps = np.diff(positions, axis=0)
    sideways = np.linalg.norm(steps - np.median(steps, axis=0), axis=1)
    if sideways.max() > slack:
        index = int(sideways.argmax())
        raise ScanError(
            "uneven_slices",
            f"{name}: {ordered[index + 1].name} lies {sideways[index]:.2f} mm beside the line of the other slices.",
            "Export the series again.",
        )


def _doubled(name: str, ordered: Sequence[Plane], heights: np.ndarray, doubled: list[int], places: int) -> ScanError:
    """The error for slices that lie in one place: several volumes in one series, or a slice that is there twice."""
    index = doubled[0]
    times, rest = divmod(len(ordered), places)
    if rest == 0 and times > 1 and places > 1 and len(doubled) == len(ordered) - places:
        return ScanError(
            "several_volumes",
            f"{name}: {times} slices at each of {places} places, such as {ordered[index].name} and "
            f"{ordered[index + 1].name}: {times} volumes in one series (echoes, phases, times), or every file twice.",
            "Put the slices of the one volume that is meant into a folder.",
        )  # fmt: skip
    return ScanError(
        "uneven_slices",
        f"{name}: {ordered[index].name} and {ordered[index + 1].name} lie in one place (at {heights[index]:.2f} mm "
        f"along the slice axis); {plural(len(doubled), 'such pair')}.",
        "Remove the doubled slices.",
    )
