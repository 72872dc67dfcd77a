"""Is an image plausible: its geometry, its intensities, its channels?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.geometry import Grid
from semivox.core.plurals import plural
from semivox.data.checks.findings import Finding, Level, by_axis
from semivox.data.formats.orientation import SHEAR_TOLERANCE, shear_degrees
from semivox.data.formats.scan import Header
from semivox.data.formats.volume import MOST_NONFINITE
from semivox.data.measurements import AIR

MOST_SHEAR = 1.0
"""Degrees of shear beyond which distances and angles in the scan are wrong enough to matter."""
EDGES_MM = (0.05, 20.0)
"""Voxel edges of clinical scans lie between; others suggest a wrong unit."""
FIELD_MM = (20.0, 2500.0)
"""Fields of view of clinical scans lie between."""
WIDEST_MM = 100.0
"""Voxel edges above are no scan's: micrometers, or a time, taken for mm."""
NARROWEST_MM = 1.0
"""A scan that spans less along all axes is no patient's: meters taken for mm."""
CT_ROWS = 512
"""Rows and columns of an original CT slice, which is never 1 mm a pixel by chance."""


def header_findings(path: Path, header: Header) -> list[Finding]:
    """Remarks of the reader, shear, and sizes in mm that no scan has."""
    found = [Finding.of_file(path, remark.level, remark.code, remark.message, remark.fix) for remark in header.remarks]
    return found + _shear(path, header.grid) + _sizes(path, header.grid)


def _shear(path: Path, grid: Grid) -> list[Finding]:
    """Axes that are not at right angles, as after a tilted CT gantry or an affine registration."""
    angle = shear_degrees(grid.affine)
    if angle <= SHEAR_TOLERANCE:
        return []
    return [
        Finding.of_file(
            path,
            "error" if angle > MOST_SHEAR else "warning",
            "sheared",
            f"the axes are off right angles by {angle:.2f} degrees; the nearest rotation is used",
            "Resample the scan (and its label) onto a grid with right angles.",
        )
    ]


def _sizes(path: Path, grid: Grid) -> list[Finding]:
    """Voxel edges and fields of view outside of what scanners make; far outside they are an error."""
    field = tuple(edge * size for edge, size in zip(grid.spacing, grid.shape, strict=True))
    level: Level = "error" if max(grid.spacing) > WIDEST_MM or max(field) < NARROWEST_MM else "warning"
    fix = "Check the unit in the header (mm, not m or micrometers), and that the voxel size was not lost."
    found = []
    if min(grid.spacing) < EDGES_MM[0] or max(grid.spacing) > EDGES_MM[1]:
        text = f"voxel edges of {by_axis(grid.spacing)} mm; scans have {EDGES_MM[0]} to {EDGES_MM[1]} mm"
        found.append(Finding.of_file(path, level, "spacing", text, fix))
    if min(field) < FIELD_MM[0] or max(field) > FIELD_MM[1]:
        text = f"the scan spans {by_axis(field)} mm; expected {FIELD_MM[0]} to {FIELD_MM[1]} mm"
        found.append(Finding.of_file(path, level, "field_of_view", text, fix))
    return found


def intensity_findings(volume: Volume, filled: int, names: Sequence[str], file: str) -> list[Finding]:
    """Not-a-number voxels, constant channels, and CT whose voxel size was lost.

    ``filled`` is how many voxels were NaN or infinite before the volume's were replaced by its minimum.
    """
    found = []
    if filled:
        part = filled / volume.array.size
        bad = part > MOST_NONFINITE
        text = f"{plural(filled, 'voxel is', 'voxels are')} NaN or infinite ({part:.2%})" + (
            "" if bad else "; the scan's minimum is used there"
        )
        fix = "Export the scan again." if bad else "No action if these voxels lie outside the body."
        found.append(Finding(level="error" if bad else "warning", code="nonfinite", message=text, fix=fix, file=file))
    for index, channel in enumerate(volume.array):
        if channel.min() == channel.max():
            text = f"channel {index} has the value {channel.flat[0]} everywhere"
            found.append(
                Finding(level="error", code="constant", message=text, fix="Remove or export it again.", file=file)
            )
    return found + _lost_spacing(volume, names, file)


def _lost_spacing(volume: Volume, names: Sequence[str], file: str) -> list[Finding]:
    """A CT with voxels of exactly 1 mm: resampled, or its header was lost on the way."""
    is_ct = any(name.lower() in ("ct", "cbct") for name in names) or volume.array[0].min() <= 2 * AIR * 0.9
    if not is_ct or not np.array_equal(volume.spacing, (1.0, 1.0, 1.0)):
        return []
    original = sorted(volume.shape)[-2:] == [CT_ROWS, CT_ROWS] or min(volume.shape[:2]) >= CT_ROWS
    return [
        Finding(
            level="warning" if original else "note",
            code="unit_spacing",
            message="a CT with voxels of exactly 1 x 1 x 1 mm: resampled, or its voxel size was lost",
            fix="Compare with the original; if the size was lost, restore it from the DICOM files.",
            file=file,
        )
    ]


def channel_findings(files: Sequence[Path], count: int, expected: int | None) -> list[Finding]:
    """As many channels as the data set declares? Without a declaration, one file is one channel."""
    file, wanted = str(files[0]), len(files) if expected is None else expected
    if count == wanted:
        return []
    if len(files) == 1 and count > wanted:
        code, text = "undeclared_channels", f"the file has {count} volumes (a time series or several channels)"
        fix = 'Name the channels in dataset.json ("channel_names"), or save only the volume that should be used.'
    else:
        code = "missing_channel" if count < wanted else "extra_channel"
        text = f"{plural(count, 'channel')} in {', '.join(path.name for path in files)}; the data set declares {wanted}"
        fix = "Add the missing file, remove the extra one, or leave the case out."
    return [Finding.of("error", code, text, fix, file)]
