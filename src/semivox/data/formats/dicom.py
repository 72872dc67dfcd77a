"""A folder of DICOM slices as one scan: sorted by position, refused when slices are missing or of several series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

import semivox.data.formats.integrity as integrity
from semivox.core.geometry import Grid
from semivox.data.formats.dicom_format import is_dicom
from semivox.data.formats.itk import affine_from_itk, from_itk, unreadable
from semivox.data.formats.orientation import is_usable
from semivox.data.formats.scan import Header, Scan, ScanError, require_sane

GAP = 0.01
"""The part of the slice distance by which a step between two slices may differ from the others."""
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
"""Transfer syntaxes whose pixels take rows x columns x bytes in the file (DICOM PS3.5, annex A)."""


def read_header(folder: Path) -> Header:
    """Geometry from the headers of all slices. Raises ScanError."""
    return _series(folder)[1]


def read_scan(folder: Path) -> Scan:
    """The whole series in Hounsfield or stored units (rescale applied once, by the reader). Raises ScanError."""
    files, header = _series(folder)
    try:
        image = sitk.ReadImage(files)
    except RuntimeError as error:
        raise unreadable(folder, error) from error
    return Scan(from_itk(image), header)


def _series(folder: Path) -> tuple[list[str], Header]:
    """The slice files in order of position, and the grid they span."""
    headers = {str(file): _slice(file) for file in sorted(folder.iterdir()) if is_dicom(file)}
    # every file is opened first, because GDCM passes over damaged ones without a word
    found = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not found:
        raise ScanError("unreadable", f"{folder} holds no DICOM series.", "Give the folder of one series.")
    if len(found) > 1:
        raise ScanError(
            "several_series", f"{folder} holds {len(found)} DICOM series.", "Put each series into a folder of its own."
        )
    files = [str(name) for name in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), found[0])]
    readers = [headers.get(str(Path(name))) or _slice(Path(name)) for name in files]
    sizes = {reader.GetSize()[:2] for reader in readers}
    if len(sizes) > 1 or len(readers) < 2:
        raise ScanError(
            "uneven_slices",
            f"{folder}: {len(readers)} slices of the in-plane sizes {sorted(sizes)}; one volume needs equal slices.",
            "Remove localizers and other single images from the folder.",
        )
    return files, Header(_grid(folder, files, readers), 1)


def _slice(file: Path) -> sitk.ImageFileReader:
    """The header of one slice, whose pixels are found to be there."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise unreadable(file, error) from error
    if reader.GetNumberOfComponents() > 1:
        raise ScanError("color_image", f"{file} is a color image.", "Give the scan itself, not a screenshot.")
    syntax = reader.GetMetaData("0002|0010").strip(" \0") if reader.HasMetaDataKey("0002|0010") else ""
    if syntax in UNCOMPRESSED:
        bits = int(reader.GetMetaData("0028|0100")) if reader.HasMetaDataKey("0028|0100") else 8
        integrity.require_size(file, file.stat().st_size, int(np.prod(reader.GetSize())) * bits // 8)
    return reader


def _grid(folder: Path, files: Sequence[str], readers: Sequence[sitk.ImageFileReader]) -> Grid:
    """The grid through all slice positions, with the true slice axis: a tilted gantry shows as shear."""
    positions = np.array([reader.GetOrigin()[:3] for reader in readers])  # (slices, 3) mm, LPS+
    steps = np.diff(positions, axis=0)
    typical = np.median(steps, axis=0)
    distance = float(np.linalg.norm(typical))
    uneven = np.flatnonzero(np.linalg.norm(steps - typical, axis=1) > GAP * max(distance, 1e-6))
    if distance == 0 or len(uneven):
        index = int(uneven[0]) if len(uneven) else 0
        raise ScanError(
            "uneven_slices",
            f"{folder}: slices are missing, doubled or unevenly spaced, first between {Path(files[index]).name} and "
            f"{Path(files[index + 1]).name} ({np.linalg.norm(steps[index]):.2f} mm; elsewhere {distance:.2f} mm).",
            "Restore the missing slices or remove the doubled ones.",
        )
    first = readers[0]
    affine = affine_from_itk(first.GetOrigin(), first.GetSpacing(), first.GetDirection())
    affine[:3, 2] = (positions[-1] - positions[0]) / (len(files) - 1) * np.array([-1.0, -1.0, 1.0])  # LPS+ -> RAS+
    if not is_usable(affine):
        raise ScanError("bad_affine", f"{folder}: the slices do not span a volume.", "Export the series again.")
    x, y = first.GetSize()[:2]
    require_sane(str(folder), (x, y, len(files)))
    return Grid((int(x), int(y), len(files)), affine)
