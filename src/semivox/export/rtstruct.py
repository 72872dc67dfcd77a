"""RT structure sets of labels: closed contours on the slices of the series, half way between inside and outside."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from contourpy import contour_generator
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_atomically
from semivox.data.formats.scan import Scan, Segment
from semivox.export.series import OnSeries, on_series

RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "SpecificCharacterSet"),
)
"""What the structure set has in common with its series."""
DIGITS = 4
"""Of coordinates in mm; DICOM's decimal strings have 16 characters."""


def write_rtstruct(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path) -> None:
    """Write the label as a structure set of the series in ``source``. Raises InputError, ScanError.

    Holes are contours of their own inside the outer ones (combined by exclusive or), so a reader that fills by the
    even-odd rule gets every voxel back.
    """
    laid = on_series(label, scan, segments, source)
    headers = laid.headers()
    if len(headers) < len(laid.planes):
        raise InputError(f"{source} is a multi-frame file, which structure sets cannot refer to; use dicom-seg")
    if not laid.grid.frame_of_reference:
        raise InputError(f"{source} names no frame of reference, which a structure set needs; use dicom-seg")
    data = _empty(headers[0])
    data.StructureSetROISequence, data.ROIContourSequence, data.RTROIObservationsSequence = [], [], []
    for number, one in enumerate(segments, 1):
        data.StructureSetROISequence.append(_region(number, one, laid.grid.frame_of_reference))
        data.ROIContourSequence.append(_drawn(number, one, laid, headers))
        data.RTROIObservationsSequence.append(
            _item(ObservationNumber=number, ReferencedROINumber=number, RTROIInterpretedType="", ROIInterpreter="")
        )
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = laid.grid.frame_of_reference, ""
    data.ReferencedFrameOfReferenceSequence = [_referenced(laid.grid.frame_of_reference, headers)]
    make_folder(target.parent)
    write_atomically(target, lambda temporary: data.save_as(temporary, enforce_file_format=True))


def contours(mask: np.ndarray) -> list[np.ndarray]:
    """(X, Y) bool -> closed lines, (N, 2) in voxel indices each, that part every center inside from those outside."""
    padded = np.pad(mask, 1).astype(np.float64)  # a border of zeros closes what touches the edge
    lines = contour_generator(z=padded.T).lines(0.5)
    return [np.asarray(line)[:-1] - 1.0 for line in lines if len(line) > 3]


def _empty(first: Dataset) -> FileDataset:
    """A structure set of the patient and study of a series, without a structure."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTStructureSetStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for name in PATIENT_AND_STUDY:
        setattr(data, name, first.get(name, "")) if name != "SpecificCharacterSet" or name in first else None
    data.SOPClassUID, data.SOPInstanceUID = RTStructureSetStorage, meta.MediaStorageSOPInstanceUID
    now = datetime.datetime.now()
    data.Modality, data.SeriesInstanceUID, data.SeriesNumber, data.InstanceNumber = "RTSTRUCT", generate_uid(), 901, 1
    data.Manufacturer, data.ManufacturerModelName, data.SoftwareVersions = "Semivox", "Semivox", version("semivox")
    data.OperatorsName, data.ApprovalStatus = "", "UNAPPROVED"
    data.StructureSetLabel, data.SeriesDescription = "Semivox", "Segmentation by Semivox"
    data.StructureSetDate, data.StructureSetTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    return data


def _region(number: int, segment: Segment, world: str) -> Dataset:
    name = segment.name[:64] or f"class {segment.value}"
    return _item(
        ROINumber=number, ReferencedFrameOfReferenceUID=world, ROIName=name, ROIGenerationAlgorithm="AUTOMATIC"
    )


def _drawn(number: int, segment: Segment, laid: OnSeries, headers: Sequence[Dataset]) -> Dataset:
    """All contours of one segment."""
    found = []
    for index, header in enumerate(headers):
        image = _item(ReferencedSOPClassUID=header.SOPClassUID, ReferencedSOPInstanceUID=header.SOPInstanceUID)
        for line in contours(laid.numbers[:, :, index] == number):
            corners = np.column_stack([line, np.full(len(line), float(index)), np.ones(len(line))])
            places = (corners @ laid.grid.affine.T)[:, :3] * RAS_TO_LPS
            found.append(
                _item(
                    ContourImageSequence=[image],
                    ContourGeometricType="CLOSED_PLANAR",
                    NumberOfContourPoints=len(line),
                    ContourData=[f"{value:.{DIGITS}f}" for value in places.ravel()],
                )
            )
    drawn = _item(ReferencedROINumber=number)
    if found:  # a class of no voxel has no contours, and an empty list of them is none that the standard knows
        drawn.ContourSequence = found
    if segment.color is not None:
        drawn.ROIDisplayColor = [round(255 * part) for part in segment.color]
    return drawn


def _referenced(world: str, headers: Sequence[Dataset]) -> Dataset:
    """The series that the contours are drawn on."""
    images = [
        _item(ReferencedSOPClassUID=one.SOPClassUID, ReferencedSOPInstanceUID=one.SOPInstanceUID) for one in headers
    ]
    series = _item(SeriesInstanceUID=headers[0].SeriesInstanceUID, ContourImageSequence=images)
    study = _item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",  # detached study management, as structure sets name it
        ReferencedSOPInstanceUID=headers[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return _item(FrameOfReferenceUID=world, RTReferencedStudySequence=[study])


def _item(**values: Any) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data
