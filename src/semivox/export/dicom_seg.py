"""DICOM segmentation objects (BINARY) of labels, by highdicom, on the very slices of their series."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.sr.codedict import codes

from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_atomically
from semivox.data.formats.scan import Scan, Segment
from semivox.export.series import OnSeries, on_series
from semivox.export.terms import term_of


def write_seg(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path) -> None:
    """Write the label as a segmentation of the series in ``source``. Raises InputError, ScanError.

    Segments are numbered from 1 on, in the order of the label's values; names tell which is which.
    """
    try:
        import highdicom
    except ImportError:
        raise InputError("DICOM segmentations need highdicom: pip install 'semivox[dicom]'") from None
    laid = on_series(label, scan, segments, source)
    images, frames = _sources(laid, source)
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


def _sources(laid: OnSeries, source: Path) -> tuple[list[Any], np.ndarray]:
    """The series' headers, and the frames in the order in which they are meant. Raises InputError."""
    frames, headers = np.ascontiguousarray(laid.numbers.transpose(2, 1, 0)), laid.headers()
    if len(headers) == len(laid.planes):
        return headers, frames
    if len(headers) > 1:
        raise InputError(f"{source} consists of several multi-frame files; put one of them into a folder")
    return headers, frames[np.argsort([plane.frame for plane in laid.planes])]


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
