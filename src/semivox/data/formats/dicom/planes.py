"""Every slice of a file with its own place, size and scale: of single-frame and of enhanced multi-frame images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from semivox.data.formats.dicom.encapsulated import require_frames
from semivox.data.formats.dicom.opening import Opened, refusing
from semivox.data.formats.dicom.tags import item, items, number, numbers, whole, word
from semivox.data.formats.scan import ScanError, require_sane

MOST_EDGE = 16384
"""Rows or columns of a slice; flat panels have 4096."""
TAGS: tuple[int | str, ...] = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesInstanceUID", "SeriesDescription", "FrameOfReferenceUID",
    "ImageType", "PatientPosition", "GantryDetectorTilt", "SpacingBetweenSlices", "ImagesInAcquisition",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns",
    "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelPaddingValue", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "Units", "ModalityLUTSequence", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "PatientID", "StudyInstanceUID", "EchoTime", "ConvolutionKernel",
    "DiffusionBValue", "SliceThickness", "TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime",
    "AcquisitionTime",
    "InstanceNumber",
)  # fmt: skip
"""All that is asked of an image; the rest of a header is skipped."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One slice: where it lies (LPS+, mm) and what its numbers mean."""

    source: Opened
    name: str
    """The file, and the frame where it holds several."""
    frame: int
    """Its number in the file, from 0."""
    shape: tuple[int, int]
    """Rows, columns."""
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    """Directions along a row and along a column (DICOM PS3.3, C.7.6.2.1.1)."""
    spacing: tuple[float, ...]
    """Between rows and between columns."""
    slope: float | None
    intercept: float | None


def planes_of(opened: Opened) -> list[Plane]:
    """All slices of an image file. Raises ScanError naming what is missing or no such number."""
    with refusing(opened.path):
        shape = _size(opened)
        frames, rows, columns = shape
        require_frames(opened, rows, columns, frames)
        data = opened.data
        shared = item(data, "SharedFunctionalGroupsSequence")
        each = items(data, "PerFrameFunctionalGroupsSequence")
        if not each and not shared:
            if frames > 1:
                raise ScanError(
                    "missing_geometry", f"{opened.path}: {frames} frames, and none says where it lies.",
                    "Export the scan as single slices or as an enhanced multi-frame image.",
                )  # fmt: skip
            return [_plane(opened, 0, shape, (data, data, data, data))]
        if len(each) != frames:
            raise ScanError(
                "bad_header", f"{opened.path}: {frames} frames, but {len(each)} descriptions of frames.",
                "Export it again.",
            )  # fmt: skip
        return [framed(opened, index, shape, one, shared) for index, one in enumerate(each)]


def framed(opened: Opened, index: int, shape: tuple[int, int, int], own: Dataset, shared: Dataset) -> Plane:
    """A frame of a multi-frame image: its own functional groups before the shared ones and the file's attributes."""

    def group(keyword: str) -> Dataset:
        return item(own, keyword) or item(shared, keyword) or opened.data

    groups = (
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
    )
    return _plane(opened, index, shape, [group(keyword) for keyword in groups])


def _plane(opened: Opened, frame: int, shape: tuple[int, int, int], groups: Sequence[Dataset]) -> Plane:
    """One slice from the data sets that hold its place, directions, spacing and scale; shape: frames, rows, columns."""
    path = opened.path
    place, turn, measures, scale = groups
    found = {
        "ImagePositionPatient": numbers(path, place, "ImagePositionPatient", 3),
        "ImageOrientationPatient": numbers(path, turn, "ImageOrientationPatient", 6),
        "PixelSpacing": numbers(path, measures, "PixelSpacing", 2),
    }
    missing = [keyword for keyword, value in found.items() if value is None]
    if missing == ["PixelSpacing"]:
        raise ScanError(
            "missing_geometry", f"{path} does not say how large its pixels are: PixelSpacing is missing.",
            "Export the series from the archive again; other sizes in the header (ImagerPixelSpacing) are not those in "
            "the patient.",
        )  # fmt: skip
    if missing:
        raise ScanError(
            "missing_geometry", f"{path} does not say where its slice lies: {' and '.join(missing)} missing.",
            "Export the series from the archive again, with its positions; pictures of slices cannot be stacked.",
        )  # fmt: skip
    position, orientation, spacing = (value for value in found.values() if value is not None)
    if min(spacing) <= 0:
        raise ScanError("bad_header", f"{path}: PixelSpacing is {spacing}; it must be above 0.", "Export it again.")
    _require_directions(path, np.array(orientation))
    slope, intercept = number(path, scale, "RescaleSlope"), number(path, scale, "RescaleIntercept")
    if slope == 0:
        raise ScanError("bad_header", f"{path}: RescaleSlope is 0, which makes all voxels equal.", "Export it again.")
    name = f"{path.name} frame {frame + 1}" if shape[0] > 1 else path.name
    return Plane(opened, name, frame, shape[1:], position, orientation, spacing, slope, intercept)


def _require_directions(path: Path, directions: np.ndarray) -> None:
    """Two unit vectors at right angles, within 1 %."""
    row, column = directions[:3], directions[3:]
    if abs(row @ row - 1) > 0.02 or abs(column @ column - 1) > 0.02 or abs(row @ column) > 0.01:
        raise ScanError(
            "bad_affine",
            f"{path}: ImageOrientationPatient {directions.round(4).tolist()} is no pair of perpendicular unit vectors.",
            "Export it again.",
        )


def _size(opened: Opened) -> tuple[int, int, int]:
    """Frames, rows, columns: sane, gray, and of a pixel type that is a number."""
    path, data = opened.path, opened.data
    if opened.pixels is None:
        raise ScanError(
            "truncated" if "Rows" in data or "Image" in opened.sop_class.name else "unreadable",
            f"{path} holds no pixels (PixelData): it is truncated, or only the header of a slice.",
            "Copy or export it again.",
        )
    rows, columns, frames = (
        whole(path, data, "Rows"),
        whole(path, data, "Columns"),
        whole(path, data, "NumberOfFrames", 1),
    )
    require_sane(str(path), (columns, rows, frames))
    if max(rows, columns) > MOST_EDGE:
        raise ScanError(
            "bad_header", f"{path}: the header claims {rows} rows and {columns} columns; it is damaged or made up.",
            "Export it again.",
        )  # fmt: skip
    if whole(path, data, "SamplesPerPixel", 1) != 1 or word(data, "PhotometricInterpretation").startswith(
        ("RGB", "YBR", "PALETTE")
    ):
        raise ScanError("color_image", f"{path} is a color image.", "Give the scan itself, not a screenshot.")
    if opened.pixels.keyword == "PixelData":
        _require_bits(path, data)
    return frames, rows, columns


def _require_bits(path: Path, data: Dataset) -> None:
    allocated = whole(path, data, "BitsAllocated")
    stored = whole(path, data, "BitsStored", allocated)
    high = whole(path, data, "HighBit", stored - 1)
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or high != stored - 1:
        raise ScanError(
            "bad_header",
            f"{path}: {stored} bits stored of {allocated}, the highest is {high}; allowed are 8, 16 or 32, "
            "filled from the lowest bit.",
            "Export it again.",
        )
    if whole(path, data, "PixelRepresentation", 0) > 1:
        raise ScanError("bad_header", f"{path}: PixelRepresentation must be 0 or 1.", "Export it again.")
