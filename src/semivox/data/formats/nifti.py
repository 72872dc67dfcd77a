"""NIfTI files (.nii, .nii.gz), strict about damage. Where a scan lies is read in ``nifti_geometry``."""

from __future__ import annotations

import gzip
import math
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

import semivox.data.formats.byte_order as byte_order
import semivox.data.formats.integrity as integrity
import semivox.data.formats.nifti_geometry as nifti_geometry
from semivox.core.geometry import Grid
from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, Scan, ScanError, require_sane
from semivox.data.remarks import Remark

COLOR_CODES = (128, 2304)
"""NIfTI data types RGB24 and RGBA32."""
MAX_OFFSET = 1 << 30
"""Bytes that may lie between header and voxels (extensions); real ones are kilobytes."""
TEXTS = ("descrip", "aux_file", "intent_name", "db_name")
"""Free text of a NIfTI header; converters put patient and protocol names there."""
HARMLESS = re.compile(rb"^(\x00*|Semivox|FSL[\w.: ]*|NiftyReg.*|5\.0.*|TE=.*|spm.*|ITK.*|nib.*)\x00*$", re.IGNORECASE)
"""What software writes about itself."""
EXTENSIONS = {2: "DICOM", 4: "AFNI", 6: "comment", 44: "MIND", 52: "JSON"}
UNKNOWN_BYTES = "bytes between header and voxels"
COMPRESSION = 1
"""Level of gzip: as nibabel; higher ones take much longer and save little on scans."""


class Nifti(Format):
    """NIfTI-1 and NIfTI-2 in one file."""

    name = "NIfTI"
    endings = (".nii.gz", ".nii")
    writes = (".nii.gz", ".nii")
    results = ".nii.gz"

    def read_header(self, path: Path) -> Header:
        """Geometry and channels, from the first bytes only. Raises ScanError."""
        return _header(path, _raw_header(path))

    def read_scan(self, path: Path) -> Scan:
        """The whole file, verified to its last byte. Raises ScanError."""
        raw = _raw_header(path)
        header = _header(path, raw)
        dims = _dims(raw)
        dtype = raw.get_data_dtype()
        offset = max(_offset(path, raw), len(raw.binaryblock))
        size = offset + math.prod(dims) * dtype.itemsize
        if path.name.lower().endswith(".gz"):
            with path.open("rb") as file:
                content = integrity.unpack(path, file, size, "gzip")
        else:
            integrity.require_size(path, path.stat().st_size, size)
            integrity.require_no_more(path, path.stat().st_size, size)
            integrity.require_room(path, size, size)
            content = np.fromfile(path, np.uint8, size)
        values = content[offset:].view(dtype) if offset % dtype.itemsize == 0 else content[offset:].copy().view(dtype)
        array = values.reshape((*header.grid.shape, header.channels), order="F").transpose(3, 0, 1, 2)
        header = replace(header, remarks=(*header.remarks, *byte_order.remarks_on(path, array)))
        return Scan(_scaled(path, raw, array), header)

    def write(self, path: Path, array: np.ndarray, grid: Grid) -> None:
        """(X, Y, Z) or (X, Y, Z, K) with both forms and the unit of the grid's file, and nothing else of its header."""
        header = nifti_geometry.header_of(array, grid)
        with path.open("wb") as file:  # through Python, whose write errors are loud; no time stamp in the gzip header
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
                    _put(packed, header, array)
            else:
                _put(file, header, array)

    def private_fields(self, path: Path) -> Iterable[str]:
        """Free text that no known software wrote, and extensions."""
        raw = _raw_header(path)
        for name in TEXTS:
            if name in raw and not HARMLESS.match(raw[name].tobytes()):
                yield name
        yield from _extensions(path, raw)


def _extensions(path: Path, raw: nib.Nifti1Header) -> Iterator[str]:
    """Names of what stands between header and voxels, walked through without reading what it holds."""
    place, end = len(raw.binaryblock) + 4, _offset(path, raw)
    with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
        file.seek(place - 4)
        told = file.read(4)[:1] not in (b"", b"\0")
        while place + 8 <= end:
            file.seek(place)
            start = file.read(8)
            size, code = struct.unpack(f"{raw.endianness}ii", start.ljust(8, b"\0"))
            if not told or size < 8 or place + size > end:  # no extension, but bytes that may tell something
                yield UNKNOWN_BYTES
                return
            yield f"extension ({EXTENSIONS.get(code, f'code {code}')})"
            place += size


def _put(file: BinaryIO | gzip.GzipFile, header: nib.Nifti1Header, array: np.ndarray) -> None:
    """Header, the mark that no extension follows, and the voxels slice by slice with x running fastest."""
    file.write(header.binaryblock + bytes(4))
    for part in np.moveaxis(array, -1, 0):
        file.write(part.tobytes(order="F"))


def _raw_header(path: Path) -> nib.Nifti1Header:
    """The header block as nibabel parses it, its sizes and data type found sane."""
    suffix = ".nii.gz" if path.name.lower().endswith(".gz") else ".nii"
    integrity.require_kind(path, suffix)
    if suffix == ".nii.gz":
        block = integrity.gunzip(path, 540)
    else:
        with path.open("rb") as file:
            block = file.read(540)
    kind = nib.Nifti2Header if block[:4] in integrity.NIFTI_STARTS[2:] else nib.Nifti1Header
    integrity.require_size(path, len(block), kind.template_dtype.itemsize)
    raw = kind(block[: kind.template_dtype.itemsize], check=False)
    if bytes(raw["magic"].tobytes())[:2] != b"n+":
        raise ScanError(
            "unreadable", f"{path} is no single-file NIfTI: its header lacks the mark 'n+1'.", "Convert it to NIfTI."
        )
    _require_type(path, raw)
    require_sane(str(path), _dims(raw))
    return raw


def _require_type(path: Path, raw: nib.Nifti1Header) -> None:
    """Refuse color, complex and unknown data types."""
    code = int(raw["datatype"])
    if code in COLOR_CODES:
        raise ScanError(
            "color_image",
            f"{path} is a color image (data type {code}).",
            "Give the scan itself, or the label's numbers.",
        )
    try:
        kind = raw.get_data_dtype().kind
    except (HeaderDataError, KeyError) as error:
        raise ScanError("bad_header", f"{path}: unknown NIfTI data type {code}.", "Export it again.") from error
    if kind not in "iuf":
        raise ScanError(
            "bad_header", f"{path}: voxels are not plain numbers (data type {code}).", "Export magnitude images."
        )


def _offset(path: Path, raw: nib.Nifti1Header) -> int:
    """Bytes before the voxels, as the header gives them. Raises ScanError for what is no such number."""
    offset = float(raw["vox_offset"])
    if not 0 <= offset <= MAX_OFFSET:  # also false for what is not a number
        raise ScanError("bad_header", f"{path}: the header puts the voxels at byte {offset}.", "Export it again.")
    return int(offset)


def _dims(raw: nib.Nifti1Header) -> tuple[int, ...]:
    """The sizes that the header gives, as many as it says there are."""
    count = int(raw["dim"][0])
    return tuple(int(size) for size in raw["dim"][1 : 1 + count]) if 0 < count < 8 else (0,)


def _header(path: Path, raw: nib.Nifti1Header) -> Header:
    """Grid, channels and remarks of a parsed header."""
    dims = _dims(raw)
    if len(dims) < 3:
        raise ScanError("not_3d", f"{path} is not a volume: its size is {dims}.", "Give the 3D scan.")
    extra = [size for size in dims[3:] if size > 1]
    if len(extra) > 1:
        raise ScanError("not_3d", f"{path} has more than four axes: {dims}.", "Save one 3D volume per channel.")
    x, y, z = dims[:3]
    remarks = []
    if len(dims) > 3 and not extra:
        remarks.append(
            Remark("squeezed", f"the size {dims} has trailing axes of one, which were dropped", "No action.", "note")
        )
    grid, more = nifti_geometry.read(path, raw, (x, y, z))
    return Header(grid, extra[0] if extra else 1, (*remarks, *more))


def _scaled(path: Path, raw: nib.Nifti1Header, array: np.ndarray) -> np.ndarray:
    """Native byte order; the header's slope and intercept applied (float32, or float64 for 32-bit integers and up)."""
    slope, inter = float(raw["scl_slope"]), float(raw["scl_inter"])
    if slope == 0 or np.isnan(slope):  # none, by the standard and by custom
        slope, inter = 1.0, 0.0
    elif not np.isfinite(slope) or not np.isfinite(inter):
        text = f"{path}: the header scales values by {slope:g} and adds {inter:g}, which is no number."
        raise ScanError("bad_header", text, "Export it again, or set scl_slope and scl_inter in the header to 1 and 0.")
    if slope == 1 and inter == 0:
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    precise = array.dtype.itemsize > 4 or (array.dtype.kind in "iu" and array.dtype.itemsize == 4)
    kind = np.dtype(np.float64 if precise else np.float32)
    return array.astype(kind) * kind.type(slope) + kind.type(inter)
