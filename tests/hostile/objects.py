"""DICOM segmentations and structure sets as the labels of series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as Items

from tests.data.formats.dicom import made_up
from tests.hostile.kinds import Words, hostile

SLICES = 6
CHECK = ("check", "d", "--workers", "0")
Change = Callable[[FileDataset], object]


def study(root: Path) -> list[list[float]]:
    """Three people with a series each; where the slices of one lie."""
    for number in range(3):
        made_up.series(
            root / "d" / f"p{number}" / "ct", made_up.noise((SLICES, 8, 8), number),
            SeriesInstanceUID=f"{made_up.STUDY}.5{number}", StudyInstanceUID=f"{made_up.STUDY}.{number}",
            PatientID=str(number), FrameOfReferenceUID=f"{made_up.STUDY}.9{number}",
        )  # fmt: skip
    return [[0.0, 0.0, 3.0 * index] for index in range(SLICES)]


def belonging(data: FileDataset, number: int) -> FileDataset:
    """An object of one of the people."""
    data.StudyInstanceUID, data.PatientID = f"{made_up.STUDY}.{number}", str(number)
    data.FrameOfReferenceUID = f"{made_up.STUDY}.9{number}"
    data.SeriesInstanceUID = f"{made_up.STUDY}.7{number}"
    series = Dataset()
    series.SeriesInstanceUID = f"{made_up.STUDY}.5{number}"
    data.ReferencedSeriesSequence = Items([series])
    return data


def mask() -> np.ndarray:
    found = np.zeros((SLICES, 8, 8), bool)
    found[1:5, 2:6, 2:6] = True
    return found


def square(z: float) -> np.ndarray:
    return np.array([[2, 2, z], [8, 2, z], [8, 8, z], [2, 8, z]], float)


def segmented(change: Change, root: Path) -> Words:
    """A segmentation of each series, of which one is changed."""
    positions = study(root)
    for number in range(3):
        data = belonging(made_up.segmentation({"liver": mask()}, positions), number)
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = f"{made_up.STUDY}.8.{number}"
        if number == 1:
            change(data)
        made_up.write(data, root / "d" / f"p{number}" / "seg" / "seg.dcm")
    return CHECK


def outlined(change: Change, root: Path) -> Words:
    """A structure set of each series, of which one is changed."""
    study(root)
    for number in range(3):
        data = belonging(made_up.structures({"liver": [square(3.0 * index) for index in range(1, 5)]}), number)
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = f"{made_up.STUDY}.7.{number}"
        for roi in data.StructureSetROISequence:
            roi.ReferencedFrameOfReferenceUID = data.FrameOfReferenceUID
        if number == 1:
            change(data)
        made_up.write(data, root / "d" / f"p{number}" / "rs" / "rs.dcm")
    return CHECK


def tags_of(**tags: Any) -> Change:
    return lambda data: [setattr(data, name, value) for name, value in tags.items()]


def _frame(**tags: Any) -> Change:
    """The first frame's segment and position."""

    def change(data: FileDataset) -> None:
        frame = data.PerFrameFunctionalGroupsSequence[0]
        for name, value in tags.items():
            inner = frame.SegmentIdentificationSequence if "Segment" in name else frame.PlanePositionSequence
            setattr(inner[0], name, value)

    return change


def _segment(**tags: Any) -> Change:
    return lambda data: [setattr(data.SegmentSequence[0], name, value) for name, value in tags.items()]


def _ten_thousand(data: FileDataset) -> None:
    segments = []
    for number in range(1, 10_001):
        one = Dataset()
        one.SegmentNumber, one.SegmentLabel = number, f"s{number}"
        segments.append(one)
    data.SegmentSequence = Items(segments)


def _shared(keyword: str, **tags: Any) -> Change:
    def change(data: FileDataset) -> None:
        inner = getattr(data.SharedFunctionalGroupsSequence[0], keyword)[0]
        for name, value in tags.items():
            setattr(inner, name, value)

    return change


def without(*names: str) -> Change:
    return lambda data: [delattr(data, name) for name in names]


SEGMENTATIONS: dict[str, tuple[Change, bool]] = {
    "a frame of a segment that is not described": (_frame(ReferencedSegmentNumber=9), False),
    "a frame of a segment of 0": (_frame(ReferencedSegmentNumber=0), False),
    "a frame that lies elsewhere": (_frame(ImagePositionPatient=[0, 0, 1000.0]), False),
    "a frame between two slices": (_frame(ImagePositionPatient=[0, 0, 4.4]), False),
    "a frame at NaN": (_frame(ImagePositionPatient=["nan", "0", "0"]), False),
    "frames that lie on one another": (_frame(ImagePositionPatient=[0, 0, 6.0]), False),
    "ten thousand segments": (_ten_thousand, True),
    "a name of markup": (_segment(SegmentLabel="<img src=x onerror=alert(1)>"), True),
    "a name of nothing": (_segment(SegmentLabel=""), True),
    "a name of two lines": (_segment(SegmentLabel="a\r\nb\x1b[2J"), True),
    "a name of 60,000 letters": (_segment(SegmentLabel="x" * 60_000), True),
    "a kind of no name": (tags_of(SegmentationType="QUARK"), False),
    "a fraction of one bit": (tags_of(SegmentationType="FRACTIONAL"), False),
    "bits of 8 for one": (tags_of(BitsAllocated=8), False),
    "no reference to its series": (without("ReferencedSeriesSequence"), True),
    "a reference to itself": (
        lambda data: setattr(data.ReferencedSeriesSequence[0], "SeriesInstanceUID", data.SeriesInstanceUID), True),
    "another place of reference": (tags_of(FrameOfReferenceUID="1.2.3.4"), True),
    "pixels of another size": (tags_of(Rows=4, Columns=16), False),
    "voxels of another size": (_shared("PixelMeasuresSequence", PixelSpacing=[3.0, 3.0]), False),
    "voxels of size 0": (_shared("PixelMeasuresSequence", PixelSpacing=[0.0, 0.0]), False),
    "axes that are parallel": (
        _shared("PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), False),
    "no shared descriptions": (without("SharedFunctionalGroupsSequence"), False),
    "no frames": (lambda data: [setattr(data, "NumberOfFrames", 0), setattr(data, "PixelData", b"")], False),
    "no pixels": (without("PixelData"), False),
    "bits without end": (tags_of(PixelData=bytes(1 << 20)), True),
}  # fmt: skip


def first_contour(data: FileDataset) -> Dataset:
    return data.ROIContourSequence[0].ContourSequence[0]


def _contour(points: Sequence[Sequence[float]] | np.ndarray, **tags: Any) -> Change:
    """The first contour has other points."""

    def change(data: FileDataset) -> None:
        contour = first_contour(data)
        contour.ContourData = [f"{value:.8g}" for value in np.ravel(points)]
        contour.NumberOfContourPoints = len(points)
        for name, value in tags.items():
            setattr(contour, name, value)

    return change


def _roi(**tags: Any) -> Change:
    return lambda data: [setattr(data.StructureSetROISequence[0], name, value) for name, value in tags.items()]


def _again(data: FileDataset) -> None:
    """One name for two structures of one number."""
    data.StructureSetROISequence = Items([*data.StructureSetROISequence, data.StructureSetROISequence[0]])


_star = np.array([[5 + 4 * np.cos(a) * (1 if n % 2 else 0.1), 5 + 4 * np.sin(a) * (1 if n % 2 else 0.1), 3.0]
                  for n, a in enumerate(np.linspace(0, 50, 20_000))])  # fmt: skip
STRUCTURES: dict[str, tuple[Change, bool]] = {
    "a contour of one point": (_contour([[2, 2, 3]]), True),
    "a contour of two points": (_contour([[2, 2, 3], [8, 8, 3]]), True),
    "a contour of no area": (_contour([[2, 2, 3], [8, 8, 3], [5, 5, 3]]), True),
    "a contour of nothing": (_contour([]), True),
    "a contour far outside": (_contour(np.add(square(3), [1e5, 0, 0])), True),
    "a contour at 1e30": (_contour(square(3) * 1e30), False),
    "a contour between slices": (_contour(square(4.4)), True),
    "a contour across slices": (_contour([[2, 2, 3], [8, 2, 3], [8, 8, 9], [2, 8, 9]]), False),
    "a contour that crosses itself": (_contour([[2, 2, 3], [8, 8, 3], [8, 2, 3], [2, 8, 3]]), True),
    "a star of 20,000 points": (_contour(_star), True),
    "numbers that are not three by three": (
        lambda data: setattr(first_contour(data), "ContourData", ["1", "2", "3", "4"]), False),
    "a count of points that is wrong": (_contour(square(3), NumberOfContourPoints=10**9), True),
    "a kind of no name": (_contour(square(3), ContourGeometricType="QUARK"), True),
    "an open line": (_contour(square(3), ContourGeometricType="OPEN_PLANAR"), True),
    "a single point by its kind": (_contour([[2, 2, 3]], ContourGeometricType="POINT"), True),
    "a structure of no name": (_roi(ROIName=""), True),
    "a structure of markup": (_roi(ROIName="<script>alert(1)</script>"), True),
    "a structure of two lines": (_roi(ROIName="a\r\nb\x1b[2J"), True),
    "a structure of a path": (_roi(ROIName="../../etc/passwd"), True),
    "a number that no contour has": (_roi(ROINumber=77), True),
    "a number below 0": (_roi(ROINumber=-1), True),
    "one structure twice": (_again, True),
    "another place of reference": (_roi(ReferencedFrameOfReferenceUID="1.2.3"), True),
    "no contours": (without("ROIContourSequence"), True),
    "no structures": (without("StructureSetROISequence"), True),
}  # fmt: skip
for _group, _write, _table in (("SEG", segmented, SEGMENTATIONS), ("RTSTRUCT", outlined, STRUCTURES)):
    hostile("unbroken", f"check of {_group}", partial(_write, lambda data: None), "plan.json", may_pass=True)
    for _name, (_change, _may) in _table.items():
        hostile("objects", f"{_group}: {_name}", partial(_write, _change), "plan.json", may_pass=_may)
