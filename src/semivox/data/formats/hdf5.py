"""The left-atrium benchmark's HDF5 files: ``mri_norm2.h5``, one for a scan, with the datasets ``image`` and ``label``.

Released with UA-MT (Yu et al., MICCAI 2019; github.com/yulequan/UA-MT): axes in the order of the challenge's NRRD
files, 0.625 mm, intensities standardized over the whole scan, cropped around the left atrium. The files say nothing of
that, nor which way their axes point. Needs h5py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import semivox.data.formats.integrity as integrity
from semivox.core.geometry import Grid
from semivox.data.formats.format import Format
from semivox.data.formats.scan import Header, Scan, ScanError, require_sane

NAME = "mri_norm2.h5"
"""Of every scan's file; the folder is named after the scan."""
SPACING_MM = 0.625
"""Along each axis: the challenge's scans (Xiong et al., Medical Image Analysis 2020)."""
AXES = 3


class Hdf5(Format):
    """Image and label in one file."""

    name = "HDF5"
    endings = (NAME,)

    def stem(self, path: Path, suffix: str) -> str:
        """The folder's name: all files are called alike."""
        return path.absolute().parent.name

    def read_header(self, path: Path) -> Header:
        """Size of the image, without the voxels. Raises ScanError."""
        with _opened(path) as file:
            return _header(path, _dataset(path, file, "image"))

    def read_scan(self, path: Path) -> Scan:
        """The image; the label stays closed. Raises ScanError."""
        return _read(path, "image")

    def read_label(self, path: Path, grid: Grid | None) -> Scan:
        """The label of the same file. Raises ScanError."""
        return _read(path, "label")


def _read(path: Path, name: str) -> Scan:
    """A dataset with all its voxels: (1, X, Y, Z)."""
    with _opened(path) as file:
        found = _dataset(path, file, name)
        header = _header(path, found)
        integrity.require_room(path, found.size * found.dtype.itemsize, path.stat().st_size)
        return Scan(np.asarray(found[()])[None], header)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, open for reading. Raises ScanError, also for what is found damaged while it is read."""
    integrity.require_kind(path, ".h5")
    try:
        import h5py
    except ImportError as error:
        raise ScanError(
            "unreadable", f"{path} is an HDF5 file, which needs h5py.", "Run: python -m pip install 'semivox[h5]'"
        ) from error
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, ScanError):
            raise
        raise ScanError("unreadable", f"{path} is damaged: {error}.", "Copy or download it again.") from error


def _dataset(path: Path, file: Any, name: str) -> Any:
    """A dataset of plain numbers that stands in this very file. Raises ScanError."""
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        there = ", ".join(sorted(map(str, file))) or "nothing"
        raise ScanError(
            "bad_header",
            f"{path} has no dataset {name!r} of its own; it holds {there}.",
            "Give the file as it was released.",
        )
    found = file[name]
    if found.is_virtual or found.external:
        raise ScanError("bad_header", f"{path}: {name!r} stands in other files.", "Give the file as it was released.")
    if found.dtype.kind not in "iuf":
        raise ScanError("bad_header", f"{path}: {name!r} is not of plain numbers ({found.dtype}).", "Save it again.")
    return found


def _header(path: Path, found: Any) -> Header:
    """The grid of a dataset. Raises ScanError for what is no volume."""
    dims = tuple(int(size) for size in found.shape or ())
    if len(dims) != AXES:
        raise ScanError("not_3d", f"{path} is not a volume: its size is {dims}.", "Give the 3D scan.")
    require_sane(str(path), dims)
    x, y, z = dims
    return Header(Grid((x, y, z), np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])), 1)
