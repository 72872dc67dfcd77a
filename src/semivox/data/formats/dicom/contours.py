"""RT structure sets as labels: the closed contours of each region of interest, filled on the slices of its scan.

Contours of one region on one slice are combined by exclusive or: an inner one is a hole (DICOM PS3.3, C.8.8.6.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from semivox.core.geometry import Grid
from semivox.core.plurals import plural
from semivox.data.formats.dicom.canvas import Canvas
from semivox.data.formats.dicom.opening import Opened, refusing
from semivox.data.formats.dicom.polygons import filled
from semivox.data.formats.dicom.tags import items, whole, word
from semivox.data.formats.scan import ScanError
from semivox.data.remarks import Remark

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
"""Contours that hold an area; points and open lines hold none."""
OFF_SLICE = 0.2
"""Slices by which a contour may miss the slice that it is drawn on."""
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
OTHER_SCAN = "Use the structure set of this very series, or the series that it was drawn on."


@dataclass(frozen=True)
class Region:
    """A region of interest: its number, its name, and its closed contours, (N, 3) LPS+ mm each."""

    number: int
    name: str
    contours: tuple[np.ndarray, ...]


def regions_of(opened: Opened) -> tuple[list[Region], list[Remark]]:
    """All regions with a closed contour, and remarks on the others. Raises ScanError."""
    regions, remarks, path = [], [], opened.path
    with refusing(path):
        rois = items(opened.data, "StructureSetROISequence")
        names = {whole(path, roi, "ROINumber"): word(roi, "ROIName") for roi in rois}
        for drawn in items(opened.data, "ROIContourSequence"):
            number = whole(path, drawn, "ReferencedROINumber")
            name, contours = names.get(number) or f"ROI {number}", items(drawn, "ContourSequence")
            closed = [one for one in contours if word(one, "ContourGeometricType").upper() in CLOSED]
            if closed:
                regions.append(Region(number, name, tuple(_points(path, name, contour) for contour in closed)))
            if len(closed) < len(contours):
                text = f"ROI {name!r}: {len(contours) - len(closed)} points or open contours left out"
                remarks.append(Remark("open_contours", text, "No action if they are marks; else close them."))
    numbers = [region.number for region in regions]
    if len(set(numbers)) < len(numbers):
        raise ScanError("bad_contours", f"{path} gives the contours of one ROI twice.", "Export it again.")
    empty = [name or f"ROI {number}" for number, name in sorted(names.items()) if number not in numbers]
    if empty:
        text = f"ROIs without a closed contour: {', '.join(empty[:6])}"
        remarks.append(Remark("empty_segments", text, "No action if nothing was to be drawn there."))
    return regions, remarks


def draw_region(canvas: Canvas, region: Region, grid: Grid) -> list[Remark]:
    """Fill a region's contours. Raises ScanError for contours that do not lie on the slices of the scan."""
    inverse = np.linalg.inv(grid.affine)
    indexed = [points * LPS_TO_RAS @ inverse[:3, :3].T + inverse[:3, 3] for points in region.contours]
    axis = _across(canvas.path, region, indexed)
    by_slice: dict[int, list[np.ndarray]] = {}
    for points in indexed:
        index = _slice(canvas.path, region, points[:, axis], grid.shape[axis])
        by_slice.setdefault(index, []).append(np.delete(points, axis, axis=1))
    width, height = (size for number, size in enumerate(grid.shape) if number != axis)
    doubled = 0
    for index, polygons in by_slice.items():
        once = list({polygon.round(3).tobytes(): polygon for polygon in polygons}.values())
        doubled += len(polygons) - len(once)
        _require_inside(canvas.path, region, np.concatenate(once), (width, height))
        place: list[slice | int] = [slice(None)] * 3
        place[axis] = index
        canvas.draw(region.number, (place[0], place[1], place[2]), filled(once, (width, height)))
    if not doubled:
        return []
    text = f"ROI {region.name!r}: {plural(doubled, 'contour is', 'contours are')} there twice; each is used once"
    return [Remark("doubled_contours", text, "Remove the copies.")]


def _points(path: Path, name: str, contour: Dataset) -> np.ndarray:
    """(N, 3) LPS+ mm of one contour."""
    data = contour.get("ContourData")
    try:
        points = np.array([] if data is None else [float(value) for value in data]).reshape(-1, 3)
    except (TypeError, ValueError):
        points = np.full((1, 3), np.nan)
    if len(points) < 3 or not np.isfinite(points).all():
        raise ScanError(
            "bad_contours", f"{path}: a contour of ROI {name!r} is no list of at least three points in mm.",
            "Export the structure set again.",
        )  # fmt: skip
    return points


def _across(path: Path, region: Region, indexed: Sequence[np.ndarray]) -> int:
    """The axis of the grid across which the contours lie: the slice axis if they fit it."""
    spread = np.max([np.ptp(points, axis=0) for points in indexed], axis=0)  # voxels, of the worst contour
    axis = 2 if spread[2] <= OFF_SLICE else int(spread.argmin())
    if spread[axis] > OFF_SLICE:
        raise ScanError(
            "oblique_contours",
            f"{path}: contours of ROI {region.name!r} do not lie in slices of the scan but across "
            f"{spread[axis]:.1f} of them.",
            OTHER_SCAN,
        )
    return axis


def _slice(path: Path, region: Region, heights: np.ndarray, count: int) -> int:
    """The slice on which a contour lies."""
    height = float(heights.mean())
    index = round(height)
    if abs(height - index) > OFF_SLICE or not 0 <= index < count:
        raise ScanError(
            "missing_slices",
            f"{path}: ROI {region.name!r} has a contour at slice {height + 1:.1f}; the scan has 1 to {count}.",
            OTHER_SCAN,
        )
    return index


def _require_inside(path: Path, region: Region, points: np.ndarray, shape: tuple[int, int]) -> None:
    """Contours end at the border of the scan at most: beyond, they were drawn on another one."""
    if (points < -1.5).any() or (points > np.array(shape) + 0.5).any():
        raise ScanError("outside", f"{path}: ROI {region.name!r} reaches beyond the slices of the scan.", OTHER_SCAN)
