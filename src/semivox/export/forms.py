"""What a label can be written as: one table of names, endings and writers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import make_folder, write_text
from semivox.data.formats.scan import Scan, Segment
from semivox.data.formats.volume import write_segmentation
from semivox.export.descriptions import description

Write = Callable[[Path, Path, Scan, Sequence[Segment], Path | None], None]
"""(target, label's file, label, its classes, its DICOM series)."""


@dataclass(frozen=True)
class Form:
    """One kind of file."""

    ending: str
    """How the file is named after the label."""
    write: Write
    on_series: bool = False
    """Whether it refers to the DICOM series that the label lies on."""


def _dicom_seg(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path | None) -> None:
    from semivox.export.dicom_seg import write_seg

    write_seg(target, label, scan, segments, _series(label, source))


def _rtstruct(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path | None) -> None:
    from semivox.export.rtstruct import write_rtstruct

    write_rtstruct(target, label, scan, segments, _series(label, source))


def _slicer(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path | None) -> None:
    write_segmentation(target, scan.array[0], scan.header.grid, segments)


def _itksnap(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path | None) -> None:
    make_folder(target.parent)
    write_text(target, description(segments))


def _nifti(target: Path, label: Path, scan: Scan, segments: Sequence[Segment], source: Path | None) -> None:
    from semivox.export.nifti_names import write_named_nifti

    write_named_nifti(target, scan, segments)


def _series(label: Path, source: Path | None) -> Path:
    if source is None:
        raise InputError(
            f"{label}: this kind of file refers to the DICOM series it lies on: give its folder (--source)"
        )
    return source


FORMS: Mapping[str, Form] = {
    "dicom-seg": Form("_seg.dcm", _dicom_seg, True),
    "rtstruct": Form("_rtstruct.dcm", _rtstruct, True),
    "seg-nrrd": Form(".seg.nrrd", _slicer),
    "itksnap": Form(".label", _itksnap),
    "nifti": Form(".nii.gz", _nifti),
}
TABLE, TABLE_FILE = "csv", "classes.csv"
"""All labels in one table."""
OTHER_NAMES = {"seg.nrrd": "seg-nrrd"}
NAMES = (*FORMS, TABLE)


def form_name(name: str) -> str:
    """The name as the table has it; names that it does not have stay as they are."""
    return OTHER_NAMES.get(name, name)
