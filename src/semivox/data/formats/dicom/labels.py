"""DICOM labels: a segmentation (SEG), a structure set (RTSTRUCT), or a series whose voxels are class numbers."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from semivox.core.geometry import Grid
from semivox.data.formats.dicom import contours, segmentation
from semivox.data.formats.dicom.archive import references, structures
from semivox.data.formats.dicom.canvas import Canvas
from semivox.data.formats.dicom.files import read_scan
from semivox.data.formats.dicom.folders import CHOICE, dicom_files, split_choice
from semivox.data.formats.dicom.kinds import kind_of
from semivox.data.formats.dicom.opening import Opened, open_file, refusing
from semivox.data.formats.dicom.segmentation import Segmentation
from semivox.data.formats.dicom.stack import stack
from semivox.data.formats.dicom.tags import whole, word
from semivox.data.formats.scan import Header, Scan, ScanError, Segment
from semivox.data.formats.segments import plain
from semivox.data.remarks import Remark

LABELS = ("segmentation", "structures")
KINDS = ("SOPClassUID", "Modality", "SeriesInstanceUID", "SOPInstanceUID", "SeriesDescription")
NAMED = (*KINDS, "SegmentSequence", "StructureSetROISequence")
OTHER_FRAME = "other_frame_of_reference"
"""Code of the remark that a label names another frame of reference than its scan."""


def read_label(path: Path, grid: Grid | None, names: Collection[str] | None = None) -> Scan:
    """A label on the grid of its scan, values being segment or ROI numbers; ``names``: only these structures.

    ``header.segments`` says which value is which. Raises ScanError if structures overlap, lie beside the grid, or if
    contours come without a scan.
    """
    file = _label_file(path)
    if file is None:
        return read_scan(path)
    kind = kind_of(open_file(file, KINDS))
    if kind == "structures":
        return _structures(file, grid, names)
    return _segmentation(file, grid, names)


def read_segments(path: Path) -> tuple[Segment, ...]:
    """Names and numbers of a segmentation's segments or a structure set's ROIs, drawn or not; none of a series.

    Opens no frames and no contours. Raises ScanError.
    """
    file = _label_file(path)
    if file is None:
        return ()
    data = open_file(file, NAMED).data
    with refusing(file):
        return tuple(Segment(name, whole(file, one, number)) for name, one, number in structures(data))


def is_label(path: Path) -> bool:
    """Whether a file is a segmentation or a structure set; False for one that cannot be read."""
    try:
        return kind_of(open_file(path, KINDS)) in LABELS
    except (ScanError, OSError):
        return False


def _label_file(path: Path) -> Path | None:
    """The one segmentation or structure set that is meant; None if there is none. Raises ScanError if several are."""
    folder, choice = split_choice(path)
    files = [folder] if folder.is_file() else list(dicom_files(folder))
    found = [opened for opened in (open_file(file, KINDS) for file in files) if kind_of(opened) in LABELS]
    if choice:
        found = [one for one in found if any(uid == choice or uid.endswith(f".{choice}") for uid in _uids(one))]
    if len(found) > 1:
        listed = "; ".join(f"{one.path.name} ({word(one.data, 'SeriesDescription') or 'unnamed'})" for one in found[:4])
        raise ScanError(
            "several_labels",
            f"{path} holds {len(found)} segmentations or structure sets: {listed}.",
            f"Name the one that is meant in a table of cases: its file, or {folder.name}{CHOICE}{_uids(found[0])[1]}.",
        )
    return found[0].path if found else None


def _uids(opened: Opened) -> tuple[str, str]:
    """Of its series, and of itself."""
    return word(opened.data, "SeriesInstanceUID"), word(opened.data, "SOPInstanceUID")


def _structures(file: Path, grid: Grid | None, names: Collection[str] | None) -> Scan:
    """A structure set, drawn on the grid of its scan."""
    if grid is None:
        raise ScanError(
            "no_scan", f"{file} is a structure set; its contours say nothing without the scan they were drawn on.",
            "Give it together with its scan.",
        )  # fmt: skip
    opened = open_file(file)
    regions, remarks = contours.regions_of(opened)
    remarks += _other_world(opened, grid)
    remarks += _left_out([region.name for region in regions], names)
    regions = [region for region in regions if _is_wanted(region.name, names)]
    _require_some(file, [region.name for region in regions], names)
    canvas = Canvas(file, {region.number: region.name for region in regions}, grid.shape)
    for region in regions:
        remarks += contours.draw_region(canvas, region, grid)
    return _scan(canvas, grid, remarks)


def _segmentation(file: Path, grid: Grid | None, names: Collection[str] | None) -> Scan:
    """A segmentation on the grid of its scan, or, without one, on the grid of its own frames."""
    seg = segmentation.segmentation_of(open_file(file, segmentation.TAGS))
    own = grid if grid is not None else _own_grid(file, seg)
    wanted = {number: name for number, name in seg.names.items() if _is_wanted(name, names)}
    _require_some(file, list(wanted.values()), names)
    canvas = Canvas(file, wanted, own.shape)
    remarks = segmentation.draw_segments(canvas, seg, wanted, own) + _other_world(seg.opened, own)
    return _scan(canvas, own, remarks + _left_out(list(seg.names.values()), names))


def _own_grid(file: Path, seg: Segmentation) -> Grid:
    """The grid that the frames of a segmentation span. Raises ScanError if slices are missing among them."""
    places = {tuple(round(value, 3) for value in plane.position): plane for plane in seg.planes}
    try:
        return stack(str(file), list(places.values()))[1]
    except ScanError as error:
        raise ScanError(
            error.finding, error.message, "Give the segmentation together with its scan, whose slices it is put on."
        ) from error


def _scan(canvas: Canvas, grid: Grid, remarks: list[Remark]) -> Scan:
    segments = tuple(Segment(name, value) for value, name in sorted(canvas.names.items()))
    return Scan(canvas.label[None], Header(grid, 1, tuple(remarks), segments))


def _other_world(opened: Opened, grid: Grid) -> list[Remark]:
    """A warning where label and scan name different frames of reference, in which positions cannot be compared."""
    worlds = {word(opened.data, "FrameOfReferenceUID"), *references(opened.data, "FrameOfReferenceUID")} - {""}
    if not worlds or not grid.frame_of_reference or grid.frame_of_reference in worlds:
        return _other_series(opened, grid)
    text = "the label names another frame of reference than its scan: it may have been drawn on another one"
    return [Remark(OTHER_FRAME, text, "Look at a picture of both; no action if UIDs were replaced.")]


def _other_series(opened: Opened, grid: Grid) -> list[Remark]:
    """A warning where the label names the series that it was drawn on, and its scan is another one."""
    named = {*references(opened.data, "SeriesInstanceUID")} - {""}
    if not named or not grid.series or grid.series in named:
        return []
    text = "the label names another series than its scan: it was drawn on another scan of the same patient"
    return [Remark("other_series", text, "Look at a picture of both; no action if the scans lie alike.")]


def _left_out(found: list[str], names: Collection[str] | None) -> list[Remark]:
    """A note on structures that are no class of the data set."""
    others = [name for name in found if not _is_wanted(name, names)]
    if not others:
        return []
    text = f"structures that are no class here, left out: {', '.join(others[:8])}"
    return [Remark("passed_over", text, "No action, unless a class is spelled otherwise in dataset.json.", "note")]


def _is_wanted(name: str, names: Collection[str] | None) -> bool:
    """Whether a structure is among the names, in any case and with spaces or underscores."""
    return names is None or plain(name) in {plain(one) for one in names}


def _require_some(file: Path, found: list[str], names: Collection[str] | None) -> None:
    """A label without a structure is a mistake, not a scan without the organ."""
    if not found:
        what = "no structure" if names is None else f"none of the structures {', '.join(sorted(names))}"
        raise ScanError("no_segments", f"{file} holds {what} with an outline.", "Export the structures again.")
