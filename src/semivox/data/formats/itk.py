"""The one place that meets SimpleITK and turns its habits into ours.

ITK's arrays are (z, y, x) and its world is LPS+ (x to the patient's left, y to the back); ours are (x, y, z) and RAS+.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from semivox.core.geometry import Grid
from semivox.data.formats.orientation import LPS_TO_RAS, is_usable
from semivox.data.formats.scan import Header, Scan, ScanError, require_sane

TELLING = re.compile(
    r"patient|birth|name|institution|physician|operator|address|station|serial|accession|study.?id|date|time|uid|dicom",
    re.IGNORECASE,
)
"""Keys of text headers that are about people, places or days."""
KNOWN_KEYS = {"itk_filternotes", "itk_inputfiltername", "itk_original_direction", "itk_original_spacing"}


def read_header(path: Path) -> Header:
    """Geometry and channels without the voxels. Raises ScanError."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise unreadable(path, error) from error
    return _header(path, reader)


def read_scan(path: Path) -> Scan:
    """The whole file, counted to its last byte. Raises ScanError."""
    header = read_header(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise unreadable(path, error) from error
    return Scan(from_itk(image), header)


def from_itk(image: sitk.Image) -> np.ndarray:
    """ITK's (t, z, y, x) or (z, y, x, components) -> (C, X, Y, Z)."""
    array = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:  # (z, y, x, components)
        return array.transpose(3, 2, 1, 0)
    if image.GetDimension() == 4:  # (t, z, y, x)
        return array.transpose(0, 3, 2, 1)
    return array.transpose(2, 1, 0)[None]


def affine_from_itk(origin: tuple[float, ...], spacing: tuple[float, ...], direction: tuple[float, ...]) -> np.ndarray:
    """(4, 4) RAS+ affine from ITK's LPS+ origin, spacing and direction; a fourth axis is left out."""
    axes = round(len(direction) ** 0.5)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(direction, (axes, axes))[:3, :3] * np.array(spacing[:3])
    affine[:3, 3] = origin[:3]
    return LPS_TO_RAS @ affine


def write(path: Path, array: np.ndarray, grid: Grid) -> None:
    """(X, Y, Z) or (X, Y, Z, K) with the grid's affine, compressed; K values a voxel become a vector image.

    Raises OSError where it cannot be written.
    """
    axes = (2, 1, 0) if array.ndim == 3 else (2, 1, 0, 3)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(axes)), isVector=array.ndim == 4)
    affine = LPS_TO_RAS @ grid.affine
    image.SetSpacing(grid.spacing)
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / np.array(grid.spacing)).ravel().tolist())
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:  # ITK does not say which error of the system it met
        raise OSError(errno.EIO, "it could not be written whole; is the disk full?") from error


def telling_keys(path: Path) -> list[str]:
    """Keys of a header that speak of people, places or days. Raises RuntimeError for a file that ITK refuses."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return [key for key in reader.GetMetaDataKeys() if TELLING.search(key) and key.lower() not in KNOWN_KEYS]


def unreadable(path: Path, error: RuntimeError) -> ScanError:
    """What ITK said, in one line."""
    words = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ScanError("unreadable", f"{path} cannot be read: {words[-1] if words else error}.", "Export it again.")


def _header(path: Path, reader: sitk.ImageFileReader) -> Header:
    """Grid and channels that the reader found."""
    size = tuple(int(n) for n in reader.GetSize())
    components = int(reader.GetNumberOfComponents())
    if len(size) not in (3, 4) or (len(size) == 4 and components > 1):
        raise ScanError("not_3d", f"{path} is not a volume: its size is {size}.", "Give the 3D scan.")
    require_sane(str(path), size)
    if components in (3, 4) and reader.GetPixelID() in (sitk.sitkVectorUInt8, sitk.sitkVectorInt8):
        raise ScanError(
            "color_image", f"{path} is a color image ({components} bytes a voxel).", "Give the scan, not its rendering."
        )
    affine = affine_from_itk(reader.GetOrigin(), reader.GetSpacing(), reader.GetDirection())
    if not is_usable(affine):
        raise ScanError("bad_affine", f"{path}: the header's axes do not span a volume.", "Rewrite the header.")
    x, y, z = size[:3]
    return Header(Grid((x, y, z), affine), size[3] if len(size) == 4 else components)
