"""DICOM in the registry: folders of slices, recognized without loading an image library."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, Scan

DICOM_TAGS = {
    "0010|0010": "PatientName", "0010|0020": "PatientID", "0010|0030": "PatientBirthDate",
    "0010|1000": "OtherPatientIDs",
    "0010|1040": "PatientAddress", "0010|2154": "PatientTelephoneNumbers", "0010|4000": "PatientComments",
    "0008|0020": "StudyDate", "0008|0050": "AccessionNumber", "0008|0080": "InstitutionName",
    "0008|0081": "InstitutionAddress", "0008|0090": "ReferringPhysicianName", "0008|1010": "StationName",
    "0008|1050": "PerformingPhysicianName", "0008|1070": "OperatorsName", "0018|1000": "DeviceSerialNumber",
    "0020|0010": "StudyID", "0032|1032": "RequestingPhysician",
}  # fmt: skip
"""Attributes that identify a patient or a visit (DICOM PS3.15, table E.1-1, the most common ones)."""


class Dicom(Format):
    """A folder of slices of one series."""

    name = "DICOM"

    def recognizes(self, path: Path) -> bool:
        """Whether a folder holds at least one DICOM file (by its mark ``DICM`` at byte 128)."""
        return path.is_dir() and any(is_dicom(file) for file in sorted(path.iterdir()))

    def read_header(self, path: Path) -> Header:
        """Geometry from the headers of all slices. Raises ScanError."""
        from semivox.data.formats import dicom  # imports ITK, which most data sets do not need

        return dicom.read_header(path)

    def read_scan(self, path: Path) -> Scan:
        """The whole series. Raises ScanError."""
        from semivox.data.formats import dicom

        return dicom.read_scan(path)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Every file of the folder."""
        return tuple(sorted(path.iterdir())) if path.is_dir() else (path,)

    def private_fields(self, path: Path) -> Iterable[str]:
        """Identifying attributes of the first slice that are not empty, and whether it has private ones."""
        import SimpleITK as sitk  # noqa: N813

        first = next(file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith("."))
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(first))
        reader.LoadPrivateTagsOn()
        reader.ReadImageInformation()
        keys = {key for key in reader.GetMetaDataKeys() if reader.GetMetaData(key).strip(" \0")}
        private = ["private tags"] if any(int(key[:4], 16) % 2 for key in keys) else []
        return [*(name for tag, name in DICOM_TAGS.items() if tag in keys), *private]


def is_dicom(file: Path) -> bool:
    """Whether a regular, visible file has DICOM's mark."""
    if not file.is_file() or file.name.startswith("."):
        return False
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"
