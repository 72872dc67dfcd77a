"""Who is the patient? Fields of headers, and names of cases, that may tell (``semivox check --phi``).

Findings name fields, never their content, so that a report can be shown to anyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel as nib

from semivox.data.checks.findings import CaseVerdict, CheckReport, Finding, verdict_of
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.formats.volume import stem, suffix_of

NIFTI_TEXTS = ("descrip", "aux_file", "intent_name", "db_name")
"""Free text of a NIfTI header; converters put patient and protocol names there."""
HARMLESS = re.compile(rb"^(\x00*|Semivox|FSL[\w.: ]*|NiftyReg.*|5\.0.*|TE=.*|spm.*|ITK.*|nib.*)\x00*$", re.IGNORECASE)
"""What software writes about itself."""
EXTENSIONS = {2: "DICOM", 4: "AFNI", 6: "comment", 44: "MIND", 52: "JSON"}
TELLING = re.compile(
    r"patient|birth|name|institution|physician|operator|address|station|serial|accession|study.?id|date|time|uid|dicom",
    re.IGNORECASE,
)
"""Keys of NRRD and MetaImage headers that are about people, places or days."""
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
DAY = re.compile(r"(?<!\d)(19|20)\d\d[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
PERSON = re.compile(r"^[A-Z][a-z]+[\^_ ,-]+[A-Z][a-z]+")
KNOWN_KEYS = {"itk_filternotes", "itk_inputfiltername", "itk_original_direction", "itk_original_spacing"}


def with_privacy(report: CheckReport, dataset: Dataset) -> CheckReport:
    """The report with a warning for each field and name that may tell who a patient is."""
    entries = {entry.name: entry for entry in dataset.entries}
    return report.model_copy(update={"cases": tuple(_examined(case, entries[case.case]) for case in report.cases)})


def _examined(case: CaseVerdict, entry: CaseFiles) -> CaseVerdict:
    findings = (*case.findings, *telling(entry))
    return case.model_copy(update={"findings": findings, "verdict": verdict_of(findings)})


def telling(entry: CaseFiles) -> list[Finding]:
    """What in a case's files and name may tell who the patient is. Opens headers only."""
    found = []
    if DAY.search(entry.name) or PERSON.match(entry.name):
        text = f"the name of the case {entry.name!r} looks like a date or a person's name"
        found.append(_finding("phi_name", text, "Rename it; names stand in reports and results.", ""))
    for path in entry.images:
        if fields := sorted(set(_fields(path))):
            text = f"{path.name}: fields that may tell who the patient is: {', '.join(fields)}"
            fix = "Semivox copies none of them. Clean the file before you share it."
            found.append(_finding("phi_header", text, fix, str(path)))
    return found


def _fields(path: Path) -> Iterable[str]:
    """Names of the telling fields of a file; none of one that cannot be read, of which the check speaks."""
    try:
        if path.is_dir():
            return _dicom(path)
        if suffix_of(path) in (".nii", ".nii.gz"):
            return [*_nifti(path), *_sidecar(path)]
        return [*_text_header(path), *_sidecar(path)]
    except (OSError, ValueError, RuntimeError, nib.filebasedimages.ImageFileError):
        return []


def _nifti(path: Path) -> Iterable[str]:
    header: Any = nib.load(path).header
    for name in NIFTI_TEXTS:
        if name in header and not HARMLESS.match(header[name].tobytes()):
            yield name
    for extension in header.extensions:
        code = int(extension.get_code())
        yield f"extension ({EXTENSIONS.get(code, f'code {code}')})"


def _text_header(path: Path) -> Iterable[str]:
    import SimpleITK as sitk  # noqa: N813 - most folders do not need it

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return [key for key in reader.GetMetaDataKeys() if TELLING.search(key) and key.lower() not in KNOWN_KEYS]


def _dicom(folder: Path) -> Iterable[str]:
    import SimpleITK as sitk  # noqa: N813

    first = next(file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith("."))
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(first))
    reader.LoadPrivateTagsOn()
    reader.ReadImageInformation()
    keys = {key for key in reader.GetMetaDataKeys() if reader.GetMetaData(key).strip(" \0")}
    private = ["private tags"] if any(int(key[:4], 16) % 2 for key in keys) else []
    return [*(name for tag, name in DICOM_TAGS.items() if tag in keys), *private]


def _sidecar(path: Path) -> Iterable[str]:
    """A JSON file beside the scan, as converters from DICOM write."""
    return ["JSON file beside it"] if path.with_name(f"{stem(path)}.json").exists() else []


def _finding(code: str, message: str, fix: str, file: str) -> Finding:
    return Finding(level="warning", code=code, message=message, fix=fix, file=file)
