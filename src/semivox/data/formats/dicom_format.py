"""DICOM in the registry: folders of slices, multi-frame files, and labels as SEG or RTSTRUCT.

A path is a folder, a file, or ``folder#UID`` for one of several series. pydicom is loaded only when a file is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from semivox.core.geometry import Grid
from semivox.data.formats.dicom.folders import dicom_files, is_dicom, is_series, split_choice
from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, Scan, Segment

PRIVATE = (
    "PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress", "PatientTelephoneNumbers",
    "PatientComments", "StudyDate", "AccessionNumber", "InstitutionName", "InstitutionAddress",
    "ReferringPhysicianName", "StationName", "PerformingPhysicianName", "OperatorsName", "DeviceSerialNumber",
    "StudyID", "RequestingPhysician",
)  # fmt: skip
"""Attributes that identify a patient or a visit (DICOM PS3.15, table E.1-1, the most common ones)."""


class Dicom(Format):
    """A folder of slices of one series, or a file with all of them."""

    name = "DICOM"
    endings = (".dcm", ".dicom", ".ima")

    def recognizes(self, path: Path) -> bool:
        """Whether a folder (or one below it), or a file of another name, holds DICOM."""
        return is_series(path) or is_dicom(path)

    def objection(self, path: Path) -> str | None:
        """Single slices are no scan, nor are plans, doses and reports."""
        if not path.is_file():
            return None
        from semivox.data.formats.dicom.files import objection  # imports pydicom, which most data sets do not need

        return objection(path)

    def is_label(self, path: Path) -> bool:
        """Segmentations and structure sets are labels."""
        if not path.is_file():
            return False
        from semivox.data.formats.dicom.labels import is_label

        return is_label(path)

    def read_header(self, path: Path) -> Header:
        """Geometry from the headers of all slices. Raises ScanError."""
        from semivox.data.formats.dicom.files import read_header

        return read_header(path)

    def read_segments(self, path: Path) -> tuple[Segment, ...]:
        """The structures of a segmentation or structure set, empty ones too; none of a series. Raises ScanError."""
        from semivox.data.formats.dicom.labels import read_segments

        return read_segments(path)

    def read_scan(self, path: Path) -> Scan:
        """The whole series. Raises ScanError."""
        from semivox.data.formats.dicom.files import read_scan

        return read_scan(path)

    def read_label(self, path: Path, grid: Grid | None) -> Scan:
        """A segmentation or structure set on the grid of its scan, or a series of label values. Raises ScanError."""
        from semivox.data.formats.dicom.labels import read_label

        return read_label(path, grid)

    def read_named(self, path: Path, grid: Grid | None, names: Collection[str]) -> Scan:
        """Only the structures of these names; the others are named in a remark. Raises ScanError."""
        from semivox.data.formats.dicom.labels import read_label

        return read_label(path, grid, names)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Every DICOM file of the folder."""
        folder, _ = split_choice(path)
        return tuple(dicom_files(folder)) if folder.is_dir() else (folder,)

    def private_fields(self, path: Path) -> Iterable[str]:
        """Identifying attributes of the first slice that are not empty, and whether it has private ones."""
        from semivox.data.formats.dicom.opening import open_file

        data = open_file(next(iter(self.files(path)))).data
        private = ["private tags"] if any(element.tag.is_private for element in data) else []
        return [*(name for name in PRIVATE if str(data.get(name) or "").strip(" \0")), *private]
