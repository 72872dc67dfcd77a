"""Voxels that no detector measured: scanners fill the corners outside of the field of view with one value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from semivox.data.formats.dicom.pixels import scale_of
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.dicom.tags import number
from semivox.data.formats.scan import ScanError
from semivox.data.remarks import Remark


def padding_remarks(planes: Sequence[Plane], array: np.ndarray) -> Iterator[Remark]:
    """How many voxels (X, Y, Z) hold PixelPaddingValue, if some do."""
    counts, value = 0, None
    for index, plane in enumerate(planes):
        try:
            padding = number(plane.source.path, plane.source.data, "PixelPaddingValue")
        except ScanError:  # the values are read all the same
            continue
        if padding is None:
            continue
        slope, intercept = scale_of(plane)
        value = array.dtype.type(padding * slope + intercept)
        counts += int(np.count_nonzero(array[:, :, index] == value))
    if counts:
        part = counts / array.size
        text = f"{part:.1%} of the voxels are padding (PixelPaddingValue, here {value:g}): nothing was measured there"
        yield Remark("padding", text, "No action if all scans have it; else set these voxels to air in all scans.")
