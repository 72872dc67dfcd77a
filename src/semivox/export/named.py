"""A label with the name and color of each of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.data.formats import registry
from semivox.data.formats.scan import Scan, Segment
from semivox.data.formats.volume import read_grid, read_label_scan, whole
from semivox.export.colors import color_of


def read_named(
    path: Path, classes: Sequence[ClassInfo], source: Path | None = None
) -> tuple[Scan, tuple[Segment, ...]]:
    """A label as whole numbers in its file's orientation, and a segment for each class but the background.

    ``source``: the DICOM series that it lies on. DICOM labels are drawn on its grid: they leave out slices that show
    nothing, or are contours.
    """
    known = registry.find(path)
    of_dicom = source is not None and known is not None and known.name == "DICOM" and registry.find(source) is not None
    scan = read_label_scan(path, read_grid(source) if source is not None and of_dicom else None)
    array = whole(scan.array, str(path))
    if len(array) > 1:
        raise InputError(f"{path} has {len(array)} channels; a label has one number a voxel (maps are no labels)")
    if int(array.min()) < 0:
        raise InputError(f"{path} has negative values; a label has whole numbers from 0 on")
    return replace(scan, array=array), segments_of(path, array, scan.header.segments, classes)


def segments_of(
    path: Path, array: np.ndarray, known: Sequence[Segment], classes: Sequence[ClassInfo]
) -> tuple[Segment, ...]:
    """Names and colors of the values. Raises InputError for a value that the given classes do not have."""
    values = [int(value) for value in np.unique(array) if value]
    if classes:
        names = {info.value: info.name for info in classes if info.value}
        if strange := [value for value in values if value not in names]:
            raise InputError(f"{path} has the value {strange[0]}, which is no class of the model; give its own model")
    else:
        names = {one.value: one.name for one in known if one.value} or {value: f"class {value}" for value in values}
        names |= {value: f"class {value}" for value in values if value not in names}
    colors = {one.value: one.color for one in known}
    return tuple(
        Segment(name, value, colors.get(value) or color_of(value), 0, value) for value, name in sorted(names.items())
    )
