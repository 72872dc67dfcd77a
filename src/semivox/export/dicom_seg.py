"""DICOM segmentation objects (BINARY) of labels, by highdicom, on the very slices of their series."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.sr.codedict import codes

from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_atomically
from semivox.data.formats import registry
from semivox.data.formats.dicom.files import ordered_planes
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.orientation import canonical_grid, corner_distance, to_canonical, to_file
from semivox.data.formats.scan import Scan, Segment
from semivox.export.terms import term_of


def write_seg(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path) -> None:
    """Write the label as a segmentation of the series in ``source``. Raises InputError, ScanError.

    Segments are numbered from 1 on, in the order of the label's values; names tell which is which.
    """
    try:
        import highdicom
    except ImportError:
        raise InputError("DICOM segmentations need highdicom: pip install 'semivox[dicom]'") from None
    if not segments:
        raise InputError(f"{label} has no class, so there is nothing to write; name the classes with --model RUN")
    known = registry.find(source)
    if known is None or known.name != "DICOM":
        raise InputError(f"{source} holds no DICOM series; give the folder of slices that was predicted")
    planes, header = ordered_planes(source)
    array = _on_series(label, scan, source, header.grid)
    numbers = np.zeros(array.shape, np.uint8 if len(segments) < 256 else np.uint16)
    for number, one in enumerate(segments, 1):
        numbers[array == one.value] = number
    images, frames = _sources(planes, np.ascontiguousarray(numbers.transpose(2, 1, 0)), source)
    seg = highdicom.seg.Segmentation(
        source_images=images,
        pixel_array=frames,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(number, one) for number, one in enumerate(segments, 1)],
        series_instance_uid=highdicom.UID(),
        series_number=900,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="Semivox",
        manufacturer_model_name="Semivox",
        software_versions=version("semivox"),
        device_serial_number="none",
        series_description="Segmentation by Semivox",
    )
    make_folder(target.parent)
    write_atomically(target, lambda temporary: seg.save_as(temporary, enforce_file_format=True))


def _on_series(label: Path, scan: Scan, source: Path, grid: Any) -> np.ndarray:
    """(X, Y, Z) along rows, columns and slices of the series. Raises InputError if the label lies elsewhere."""
    ours, theirs = canonical_grid(scan.header.grid), canonical_grid(grid)
    worlds = scan.header.grid.frame_of_reference, grid.frame_of_reference
    if all(worlds) and worlds[0] != worlds[1]:
        raise InputError(f"{label} and {source} have different frames of reference; give the label's own series")
    if ours.shape != theirs.shape:
        raise InputError(
            f"{label} has {ours.shape} voxels, the series {source} {theirs.shape}; give the series it was made from"
        )
    if (apart := corner_distance(ours, theirs)) > min(theirs.spacing) / 2:
        raise InputError(f"{label} lies up to {apart:.2f} mm off {source}; give the series it was made from")
    return to_file(to_canonical(scan.array[0], scan.header.grid), grid)


def _sources(planes: Sequence[Plane], frames: np.ndarray, source: Path) -> tuple[list[Any], np.ndarray]:
    """The series' headers, and the frames in the order in which they are meant. Raises InputError."""
    files = list(dict.fromkeys(plane.source.path for plane in planes))
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    if len(files) == len(planes):
        return headers, frames
    if len(files) > 1:
        raise InputError(f"{source} consists of several multi-frame files; put one of them into a folder")
    return headers, frames[np.argsort([plane.frame for plane in planes])]


def _described(number: int, segment: Segment) -> Any:
    """Name, code and color of a segment."""
    import highdicom

    category, kind, side = term_of(segment.name, segment.value)
    described = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name[:64] or f"class {segment.value}",
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name="Semivox", family=codes.DCM.ArtificialIntelligence, version=version("semivox")
        ),
        display_color=None if segment.color is None else highdicom.color.CIELabColor.from_rgb(
            *(round(255 * part) for part in segment.color)
        ),
    )  # fmt: skip
    if side is not None:
        modifier = highdicom.sr.CodedConcept.from_code(side)
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return described
