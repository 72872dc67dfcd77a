"""DICOM SEG objects as labels: frames in any order, cropped or turned, each put where its own geometry says."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels

from semivox.core.geometry import Grid
from semivox.data.formats.dicom.canvas import Canvas, Place
from semivox.data.formats.dicom.encapsulated import require_frames
from semivox.data.formats.dicom.opening import Opened, refusing, stream_of
from semivox.data.formats.dicom.planes import Plane, framed
from semivox.data.formats.dicom.tags import item, items, whole, word
from semivox.data.formats.scan import ScanError, require_sane
from semivox.data.remarks import Remark

TAGS: tuple[int | str, ...] = (
    "SOPClassUID", "Modality", "SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation",
    "SegmentationType", "MaximumFractionalValue", "SegmentSequence", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "ReferencedSeriesSequence", "ReferencedFrameOfReferenceSequence",
)  # fmt: skip
KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")
OFF_GRID = 0.2
"""Voxels by which a frame may miss the grid of the scan."""
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
OTHER_SCAN = "Use the segmentation of this very series, or resample it onto the scan."


@dataclass(frozen=True)
class Segmentation:
    """A SEG object without its pixels."""

    opened: Opened
    kind: str
    """``BINARY``, ``FRACTIONAL`` or ``LABELMAP``."""
    names: dict[int, str]
    """Segment number -> label."""
    planes: tuple[Plane, ...]
    numbers: tuple[int, ...]
    """The segment of each frame; 0 in label maps, whose pixels are the numbers."""


def segmentation_of(opened: Opened) -> Segmentation:
    """What a SEG object holds, its size found sane. Raises ScanError."""
    path, data = opened.path, opened.data
    with refusing(path):
        rows, columns, frames = (
            whole(path, data, "Rows"),
            whole(path, data, "Columns"),
            whole(path, data, "NumberOfFrames"),
        )
        require_sane(str(path), (columns, rows, frames))
        require_frames(opened, rows, columns, frames)
        kind = _kind(path, data)
        segments = items(data, "SegmentSequence")
        names = {whole(path, one, "SegmentNumber"): word(one, "SegmentLabel") for one in segments}
        if len(names) < len(segments):
            raise ScanError("bad_segments", f"{path} has two segments of one number.", "Export it again.")
        own, shared = items(data, "PerFrameFunctionalGroupsSequence"), item(data, "SharedFunctionalGroupsSequence")
        if len(own) != frames:
            raise ScanError(
                "bad_header", f"{path}: {frames} frames, but {len(own)} descriptions of frames.", "Export it again."
            )
        planes = tuple(framed(opened, index, (frames, rows, columns), one, shared) for index, one in enumerate(own))
        numbers = tuple(0 if kind == "LABELMAP" else _number(path, one, shared, names) for one in own)
        places = {(number, *np.round(plane.position, 3)) for number, plane in zip(numbers, planes, strict=True)}
        if len(places) < len(planes):
            text = f"{path}: two frames of one segment lie at one place, so one of them lies wrong."
            raise ScanError("bad_segments", text, "Export it again.")
    named = {number: name or f"segment {number}" for number, name in names.items() if number or kind != "LABELMAP"}
    return Segmentation(opened, kind, named, planes, numbers)


def draw_segments(canvas: Canvas, seg: Segmentation, wanted: Collection[int], grid: Grid) -> list[Remark]:
    """Put the frames of the wanted segments onto the grid of the scan. Raises ScanError where they do not fit it."""
    half = whole(seg.opened.path, seg.opened.data, "MaximumFractionalValue", 255) / 2
    drawn: set[int] = set()
    for index, stored in _frames(seg):
        if seg.kind == "LABELMAP":
            parts = {number: stored == number for number in np.unique(stored).tolist() if number in wanted}
        elif seg.numbers[index] in wanted:
            parts = {seg.numbers[index]: stored >= half if seg.kind == "FRACTIONAL" else stored > 0}
        else:
            continue
        for number, mask in parts.items():
            if mask.any():
                canvas.draw(number, *_placed(seg, seg.planes[index], mask, grid))
                drawn.add(number)
    remarks = []
    if seg.kind == "FRACTIONAL":
        text = "a fractional segmentation: voxels from half of the highest value on are taken as drawn"
        remarks.append(Remark("fractional", text, "Check a picture; save a binary segmentation to decide yourself."))
    empty = [seg.names[number] for number in sorted(wanted) if number not in drawn]
    if empty:
        text = f"segments without a voxel: {', '.join(empty[:6])}"
        remarks.append(Remark("empty_segments", text, "No action if nothing was to be drawn there."))
    return remarks


def _kind(path: Path, data: Dataset) -> str:
    """How the pixels say what is drawn. Raises ScanError for a way that there is not."""
    kind, bits = word(data, "SegmentationType").upper() or KINDS[0], whole(path, data, "BitsAllocated", 1)
    if kind not in KINDS or (kind == "FRACTIONAL" and bits == 1):
        text = f"{path}: a segmentation of {bits} bits a voxel cannot be of the type {kind[:40]!r}."
        raise ScanError("bad_segments", text, "Export it again.")
    return kind


def _number(path: Path, own: Dataset, shared: Dataset, names: dict[int, str]) -> int:
    """The segment that a frame belongs to."""
    keyword = "SegmentIdentificationSequence"
    number = whole(path, item(own, keyword) or item(shared, keyword), "ReferencedSegmentNumber")
    if number not in names:
        raise ScanError(
            "bad_segments", f"{path}: a frame is of segment {number}, which is not described.", "Export it again."
        )
    return number


def _frames(seg: Segmentation) -> Iterator[tuple[int, np.ndarray]]:
    """Number and stored values (rows, columns) of each frame, one after the other. Raises ScanError."""
    opened, pixels = seg.opened, seg.opened.pixels
    (rows, columns), count = seg.planes[0].shape, len(seg.planes)
    bits = int(opened.data.get("BitsAllocated", 1))
    if pixels is None:
        raise ScanError("truncated", f"{opened.path} holds no pixels.", "Copy or export it again.")
    if pixels.encapsulated or not opened.little_endian or bits > 8:
        with refusing(opened.path):
            yield from enumerate(iter_pixels(opened.path, raw=True))
        return
    size = rows * columns
    with stream_of(opened) as stream:
        for index in range(count):
            first, last = index * size * bits, (index + 1) * size * bits  # bits of one frame go on in the next one
            stream.seek(pixels.start + first // 8)
            content = np.frombuffer(stream.read((last + 7) // 8 - first // 8), np.uint8)
            if bits == 1:
                content = np.unpackbits(content, bitorder="little")[first % 8 :][:size]
            yield index, content.reshape(rows, columns)


def _placed(seg: Segmentation, plane: Plane, mask: np.ndarray, grid: Grid) -> tuple[Place, np.ndarray]:
    """Where on the grid the drawn part of a frame lies, and that part along the grid's own axes. Raises ScanError."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].T  # (columns, rows)
    inverse = np.linalg.inv(grid.affine)
    along_row = np.array(plane.orientation[:3]) * plane.spacing[1] * LPS_TO_RAS
    along_column = np.array(plane.orientation[3:]) * plane.spacing[0] * LPS_TO_RAS
    steps = inverse[:3, :3] @ np.stack([along_row, along_column], axis=1)  # (3, 2) voxels of the grid a pixel
    corner = np.array(plane.position) * LPS_TO_RAS + along_row * columns[0] + along_column * rows[0]
    start = inverse[:3, :3] @ corner + inverse[:3, 3]
    far = start + steps @ (np.array(box.shape) - 1)
    turned = np.rint(steps).astype(int)
    first, last = np.rint(start).astype(int), np.rint(far).astype(int)
    off = max(np.abs(start - first).max(), np.abs(far - last).max())
    if off > OFF_GRID or sorted(np.abs(turned).sum(axis=0)) != [1, 1] or np.abs(turned).sum(axis=1).max() > 1:
        raise ScanError(
            "geometry_mismatch",
            f"{seg.opened.path}: {plane.name} does not lie on the grid of the scan (off by {off:.2f} voxels).",
            OTHER_SCAN,
        )
    low, high = np.minimum(first, last), np.maximum(first, last)
    if (low < 0).any() or (high >= np.array(grid.shape)).any():
        raise ScanError(
            "outside", f"{seg.opened.path}: {plane.name} is drawn beyond the grid of the scan.", OTHER_SCAN
        )  # fmt: skip
    axes = np.abs(turned).argmax(axis=0)  # the grid's axis along a row, and along a column
    for number in (0, 1):
        if turned[axes[number], number] < 0:
            box = np.flip(box, number)
    across = 3 - int(axes.sum())
    place: list[slice | int] = [slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)]
    place[across] = int(low[across])
    return (place[0], place[1], place[2]), box if axes[0] < axes[1] else box.T
