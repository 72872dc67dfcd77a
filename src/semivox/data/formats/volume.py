"""Scans in and out of the program: any supported file to RAS+ voxels, and results back onto the file's own grid.

Arrays are (C, X, Y, Z), x to the patient's right, y to the front, z up; spacing is (x, y, z) in mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.files import beside, make_folder, put, writing
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.data.formats import registry
from semivox.data.formats.cropped import onto_scan
from semivox.data.formats.itksnap import segments_beside
from semivox.data.formats.orientation import canonical_grid, corner_distance, to_canonical, to_file
from semivox.data.formats.registry import suffix_of
from semivox.data.formats.scan import Header, Scan, ScanError, Segment, require_sane_grid
from semivox.data.formats.segments import by_name, names_of
from semivox.data.formats.slicer import keys_of

MOST_NONFINITE = 0.01
"""The part of a scan's voxels that may be NaN or infinite; they are filled with the scan's minimum."""
ROUNDING = 1e-3
"""How far a label may be from a whole number: slopes in headers turn 1 into 1.0000153."""


def stem(path: Path) -> str:
    """The file name without its image suffix: the name of the case, unless the layout strips more."""
    suffix = suffix_of(path)
    return registry.require(path).stem(path, suffix) if suffix else path.name


def read_header(path: Path) -> Header:
    """Grid, channels and remarks of a file or DICOM folder, without its voxels. Raises ScanError."""
    header = registry.require(path).read_header(path)
    require_sane_grid(str(path), header.grid)
    return header


def read_scan(path: Path) -> Scan:
    """Voxels and header of one file or DICOM folder, in its own orientation. Raises ScanError."""
    scan = registry.require(path).read_scan(path)
    require_sane_grid(str(path), scan.header.grid)
    return scan


def read_grid(path: Path) -> Grid:
    """The grid of a file, from its header only. Raises ScanError."""
    return read_header(path).grid


def read(paths: Sequence[Path]) -> Volume:
    """One scan in RAS+ orientation: a file per channel, or one file whose last axis holds the channels.

    Values are as in the file after its slope; up to 1 % NaN or infinite voxels become the scan's minimum.
    Raises ScanError (an InputError) naming the file.
    """
    if not paths:
        raise InputError("no file was given for a scan; give one path per channel")
    return _finite(assemble(paths, [read_scan(path) for path in paths]), str(paths[0]))


def from_array(array: np.ndarray, grid: Grid, name: str) -> Volume:
    """The same of voxels (C, X, Y, Z) that come from no file; ``name`` is for the sentence about wrong ones."""
    return _finite(assemble([Path(name)], [Scan(array, Header(grid, len(array)))]), name)


def _finite(volume: Volume, name: str) -> Volume:
    """Up to 1 % NaN or infinite voxels become the minimum. Raises ScanError ``nonfinite`` for more."""
    array, count = fill(volume.array)
    if count > MOST_NONFINITE * array.size:
        raise ScanError(
            "nonfinite", f"{name}: {count} of {array.size} voxels are NaN or infinite.", "Export the scan again."
        )
    return Volume(array, volume.grid, volume.source)


def read_label_scan(path: Path, grid: Grid | None = None, classes: Sequence[ClassInfo] | None = None) -> Scan:
    """A label in its file's orientation, and what its values are named, in ``header.segments``. Raises ScanError.

    ``grid``: the file grid of the scan it belongs to, onto which a cropped segmentation is put. ``classes``: the data
    set's; where both name their classes, the names decide, and values become those of the data set.
    """
    known, wanted = registry.require(path), names_of(classes or ())
    scan = known.read_named(path, grid, wanted) if wanted else known.read_label(path, grid)
    require_sane_grid(str(path), scan.header.grid)
    if scan.header.segments and grid is not None:
        scan = onto_scan(path, scan, grid)
    names = scan.header.segments or segments_beside(path)
    if not names:
        return scan
    array = scan.array if classes is None else by_name(path, whole(scan.array, str(path)), names, classes)
    return Scan(array, replace(scan.header, segments=names))


def read_label(path: Path, grid: Grid | None = None, classes: Sequence[ClassInfo] | None = None) -> Volume:
    """An expert's label: (1, X, Y, Z) whole numbers in RAS+ orientation. Raises ScanError.

    ``grid``: the grid of the scan's file (``Volume.source``), where known; contours cannot be read without it.
    ``classes``: the data set's; names in the file then decide which value is which class.
    Values within 1e-3 of a whole number are rounded (headers with a slope cause them); others are an error.
    """
    volume = assemble([path], [read_label_scan(path, grid, classes)])
    if len(volume.array) > 1:
        raise ScanError(
            "label_channels", f"{path}: a label has one number a voxel, this file has {len(volume.array)}.",
            "Save the label as one 3D volume of class numbers.",
        )  # fmt: skip
    return Volume(whole(volume.array, str(path)), volume.grid, volume.source)


def whole(array: np.ndarray, name: str) -> np.ndarray:
    """Label values as integers: rounded where within 1e-3, else ScanError ``float_label``."""
    if array.dtype.kind != "f":
        return array
    rounded = np.rint(array)
    if not np.isfinite(array).all() or float(np.abs(array - rounded).max(initial=0)) > ROUNDING:
        raise ScanError(
            "float_label",
            f"{name}: label values are not whole numbers (they were interpolated, or are probabilities).",
            "Save class numbers; resample labels by nearest neighbor.",
        )
    return rounded.astype(np.int32)


def assemble(paths: Sequence[Path], scans: Sequence[Scan]) -> Volume:
    """Channels put together on the first one's grid, in RAS+ orientation, memory-contiguous and writable.

    Raises ScanError ``channel_mismatch`` if a channel stands elsewhere by more than half a voxel.
    """
    source = scans[0].header.grid
    grid = canonical_grid(source)
    for path, scan in zip(paths[1:], scans[1:], strict=True):
        other = canonical_grid(scan.header.grid)
        if other.shape != grid.shape or corner_distance(grid, other) > min(grid.spacing) / 2:
            raise ScanError(
                "channel_mismatch",
                f"{path} does not stand on the grid of {paths[0]}: {other.shape} and {grid.shape} voxels, or moved.",
                "Resample the channels of a case onto one grid.",
            )
    parts = [to_canonical(scan.array, scan.header.grid) for scan in scans]
    array = np.array(parts[0], order="C") if len(parts) == 1 else np.concatenate(parts, axis=0)
    return Volume(np.ascontiguousarray(array), grid, source)


def fill(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Replace NaN and infinite values by the smallest finite one; how many there were."""
    if array.dtype.kind != "f":
        return array, 0
    finite = np.isfinite(array)
    count = int(array.size - np.count_nonzero(finite))
    if count:
        lowest = array[finite].min() if count < array.size else 0
        array = np.where(finite, array, array.dtype.type(lowest))
    return array, count


def require_same_place(label: Volume, image: Volume) -> None:
    """Whether a label lies on its image, voxel by voxel, both in RAS+. Raises InputError saying how far off it is."""
    if label.shape != image.shape:
        raise InputError(f"the label's shape is {label.shape}, the image's {image.shape} (both in RAS+)")
    apart = float(np.linalg.norm(label.grid.corners() - image.grid.corners(), axis=1).max())
    if apart > min(image.spacing) / 2:
        raise InputError(f"label and image lie up to {apart:.2f} mm apart in space; run check for the fix")


def to_source(array: np.ndarray, volume: Volume) -> np.ndarray:
    """(..., X, Y, Z) in RAS+ orientation -> (..., X, Y, Z) as the voxels lie in the volume's file; exact."""
    return np.ascontiguousarray(to_file(array, volume.source))


def write_label(
    path: Path, array: np.ndarray, volume_source: Grid, ready: Callable[[Path], None] | None = None
) -> None:
    """Write class values (X, Y, Z), already on the source grid, as uint8 or, above 255, uint16.

    ``ready``: is called with the whole file before it gets its name.
    """
    _write(path, _label_numbers(path, array), volume_source, registry.writer(path).write, ready)


def write_segmentation(path: Path, array: np.ndarray, grid: Grid, segments: Sequence[Segment]) -> None:
    """Write class values (X, Y, Z), already on the grid, as a segmentation that 3D Slicer opens with names and colors.

    ``path`` must end in ``.seg.nrrd``. Raises InputError for another one, and as ``write_label`` does.
    """
    if suffix_of(path) != ".seg.nrrd":
        raise InputError(f"cannot write {path}: a segmentation of 3D Slicer must be named .seg.nrrd")
    from semivox.data.formats.nrrd import Nrrd

    def put_with_names(temporary: Path, label: np.ndarray, on: Grid) -> None:
        Nrrd().write(temporary, label, on, keys_of(label, segments))

    _write(path, _label_numbers(path, array), grid, put_with_names)


def write_map(path: Path, array: np.ndarray, grid: Grid) -> None:
    """Write a float32 map, (X, Y, Z) or (X, Y, Z, K) already on the grid, in the format of the path's suffix."""
    _write(path, np.asarray(array, dtype=np.float32), grid, registry.writer(path).write)


def _label_numbers(path: Path, array: np.ndarray) -> np.ndarray:
    """Class values in the smallest type that holds them. Raises InputError for what is no label."""
    lowest, highest = int(array.min(initial=0)), int(array.max(initial=0))
    if array.dtype.kind not in "iub" or lowest < 0 or highest > 65535:
        raise InputError(
            f"cannot write {path} as a label: values are {array.dtype} from {lowest} to {highest}; "
            "whole numbers from 0 to 65535 are right"
        )
    return array.astype(np.uint8 if highest < 256 else np.uint16)


def _write(
    path: Path,
    array: np.ndarray,
    grid: Grid,
    write: Callable[[Path, np.ndarray, Grid], None],
    ready: Callable[[Path], None] | None = None,
) -> None:
    """Write beside the target and rename, so that no reader sees half a file. Raises SemivoxError, InputError."""
    if array.shape[:3] != grid.shape:
        raise InputError(f"cannot write {path}: the array has the shape {array.shape}, its grid {grid.shape}")
    suffix = suffix_of(path)
    with writing(path):
        make_folder(path.parent)
        temporary = beside(path, suffix)
        try:
            write(temporary, array, grid)
            if ready is not None:
                ready(temporary)
            put(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
