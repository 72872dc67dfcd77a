"""The voxels of slices in the unit of the scan: each slice by its own slope and intercept, as pydicom computes them.

Whole numbers stay whole where every slice's slope and intercept are; else values are float32 (float64 for stored
numbers of 32 bits), computed in float64. Compressed slices are decoded by pydicom's plugins (GDCM for the JPEG family).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import iter_pixels

import semivox.data.formats.integrity as integrity
from semivox.data.formats.dicom.opening import Opened, refusing, stream_of
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.dicom.tags import whole
from semivox.data.formats.scan import ScanError

WHOLE = (np.int16, np.uint16, np.int32)
"""Types that hold whole values, the first that fits."""


def voxels(planes: Sequence[Plane]) -> np.ndarray:
    """(X, Y, Z) of slices in order of place, in the unit of the scan. Raises ScanError, OSError."""
    rows, columns = planes[0].shape
    kind = value_type(planes)
    size = len(planes) * rows * columns * kind.itemsize
    integrity.require_room(planes[0].source.path.parent, size, size)
    result: np.ndarray | None = None
    place = {(plane.source.path, plane.frame): index for index, plane in enumerate(planes)}
    by_file = sorted(planes, key=lambda plane: (str(plane.source.path), plane.frame))
    for _, group in groupby(by_file, key=lambda plane: plane.source.path):
        wanted = list(group)
        for plane, stored in zip(wanted, frames(wanted), strict=True):
            if stored.shape != (rows, columns):
                raise ScanError(
                    "bad_header", f"{plane.name} unpacks to {stored.shape}, its header says {(rows, columns)}.",
                    "Export it again.",
                )  # fmt: skip
            if result is None:  # only now: a first slice has been decoded
                result = np.empty((len(planes), rows, columns), kind)
            _scaled(plane, stored, result[place[plane.source.path, plane.frame]])
    assert result is not None
    return result.transpose(2, 1, 0)


def value_type(planes: Sequence[Plane]) -> np.dtype:
    """The type of the voxels of all slices, from their headers alone."""
    lowest, highest, bits = 0.0, 0.0, 0
    for plane in planes:
        source = plane.source
        if source.pixels is not None and source.pixels.keyword != "PixelData":
            return np.dtype(np.float64 if source.pixels.keyword == "DoubleFloatPixelData" else np.float32)
        stored = whole(source.path, source.data, "BitsStored", 16)
        bits = max(bits, stored)
        slope, intercept = scale_of(plane)
        if _has_lut(source):
            slope, intercept, ends = 1.0, 0.0, (0.0, 65535.0)
        elif source.data.get("PixelRepresentation"):
            ends = (-(2.0 ** (stored - 1)), 2.0 ** (stored - 1) - 1)
        else:
            ends = (0.0, 2.0**stored - 1)
        if slope % 1 or intercept % 1:
            lowest = -np.inf
        values = [end * slope + intercept for end in ends]
        lowest, highest = min(lowest, *values), max(highest, *values)
    for kind in WHOLE:
        if np.iinfo(kind).min <= lowest and highest <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32 if bits <= 16 else np.float64)


def scale_of(plane: Plane) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 where the slice gives none."""
    return 1.0 if plane.slope is None else plane.slope, plane.intercept or 0.0


def frames(planes: Sequence[Plane]) -> Iterator[np.ndarray]:
    """The stored numbers (rows, columns) of frames of one file, in order. Raises ScanError, OSError."""
    source = planes[0].source
    if source.pixels is None:
        raise ScanError("truncated", f"{source.path} holds no pixels.", "Copy or export it again.")
    if source.pixels.encapsulated or not source.little_endian:
        yield from _decoded(source, [plane.frame for plane in planes])
        return
    kind, size = _stored_type(source), planes[0].shape[0] * planes[0].shape[1]
    with stream_of(source) as stream:
        for plane in planes:
            stream.seek(source.pixels.start + plane.frame * size * kind.itemsize)
            stored = np.frombuffer(stream.read(size * kind.itemsize), kind)
            if stored.size != size:
                raise ScanError("truncated", f"{source.path} is truncated.", "Copy or export it again.")
            yield _without_unused_bits(source, stored.reshape(plane.shape))


def _decoded(source: Opened, indices: list[int]) -> Iterator[np.ndarray]:
    """Frames of a compressed or big-endian file, one after the other."""
    with refusing(source.path):
        yield from iter_pixels(source.path, indices=indices, raw=True)


def _stored_type(source: Opened) -> np.dtype:
    keyword = source.pixels.keyword if source.pixels else ""
    if keyword != "PixelData":
        return np.dtype(f"<f{8 if keyword == 'DoubleFloatPixelData' else 4}")
    signed = bool(source.data.get("PixelRepresentation"))
    return np.dtype(f"<{'i' if signed else 'u'}{int(source.data.BitsAllocated) // 8}")


def _without_unused_bits(source: Opened, stored: np.ndarray) -> np.ndarray:
    """Bits above the highest stored one may hold overlays or nothing at all: they are not part of the number."""
    if stored.dtype.kind == "f":
        return stored
    unused = int(source.data.BitsAllocated) - whole(source.path, source.data, "BitsStored", 8 * stored.dtype.itemsize)
    return stored if not unused else np.right_shift(np.left_shift(stored, unused), unused)


def _has_lut(source: Opened) -> bool:
    return bool(source.data.get("ModalityLUTSequence"))


def _scaled(plane: Plane, stored: np.ndarray, out: np.ndarray) -> None:
    """The values of one slice into ``out`` (rows, columns)."""
    if _has_lut(plane.source):
        with refusing(plane.source.path):
            out[...] = apply_modality_lut(stored, plane.source.data)
        return
    slope, intercept = scale_of(plane)
    if slope == 1 and intercept == 0:
        out[...] = stored
    elif out.dtype.kind in "iu":  # whole numbers wrap around and back: what comes out fits, by choice of the type
        out[...] = stored
        out *= np.array(int(slope)).astype(out.dtype)
        out += np.array(int(intercept)).astype(out.dtype)
    else:
        values = stored.astype(np.float64)
        values *= slope
        values += intercept
        out[...] = values
