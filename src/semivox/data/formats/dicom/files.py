"""DICOM images by their path: whole series and multi-frame files, as a header or with all voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.dicom.folders import split_choice, split_volume
from semivox.data.formats.dicom.kinds import kind_of, words_for
from semivox.data.formats.dicom.opening import open_file
from semivox.data.formats.dicom.padding import padding_remarks
from semivox.data.formats.dicom.pixels import voxels
from semivox.data.formats.dicom.planes import TAGS, Plane, planes_of
from semivox.data.formats.dicom.remarks import remarks_on
from semivox.data.formats.dicom.series import open_series
from semivox.data.formats.dicom.stack import stack
from semivox.data.formats.dicom.tags import whole, word
from semivox.data.formats.dicom.volumes import chosen
from semivox.data.formats.scan import Header, Scan, ScanError

SLICE = "one DICOM slice; the slices of a scan belong into a folder of their own"


def objection(path: Path) -> str | None:
    """Why a single DICOM file is neither scan nor label; None for what is, and for what cannot be read at all."""
    try:
        opened = open_file(path, TAGS)
        kind = kind_of(opened)
        frames = whole(path, opened.data, "NumberOfFrames", 1)
    except (ScanError, OSError):  # whoever reads it says what is wrong
        return None
    if kind == "image":
        return SLICE if frames < 2 else None
    return f"no image: {words_for(opened)}" if kind == "other" else None


def read_header(path: Path) -> Header:
    """Geometry from the headers of all slices. Raises ScanError."""
    return ordered_planes(path)[1]


def read_scan(path: Path) -> Scan:
    """The whole series in Hounsfield or stored units, each slice by its own slope and intercept. Raises ScanError."""
    planes, header = ordered_planes(path)
    array: np.ndarray = voxels(planes)
    remarks = (*header.remarks, *padding_remarks(planes, array))
    return Scan(array[None], Header(header.grid, 1, remarks))


def ordered_planes(path: Path) -> tuple[list[Plane], Header]:
    """The slices in order of place, and the grid they span. Raises ScanError."""
    series, contents = open_series(path)
    planes = [plane for file in series.files for plane in planes_of(file)]
    folder, choice = split_choice(path)
    planes = list(chosen(folder, planes, series.uid, split_volume(choice)[1]))
    ordered, grid = stack(str(path), planes)
    world = word(ordered[0].source.data, "FrameOfReferenceUID")
    return ordered, Header(
        Grid(grid.shape, grid.affine, None, world, series.uid), 1, remarks_on(ordered, grid, series, contents)
    )
