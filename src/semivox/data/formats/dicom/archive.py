"""What an export from an archive holds: series of images, and the segmentations and structure sets drawn on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from semivox.data.formats.dicom.folders import files_below
from semivox.data.formats.dicom.kinds import kind_of, words_for
from semivox.data.formats.dicom.opening import open_file, require_pixels
from semivox.data.formats.dicom.tags import items, whole, word
from semivox.data.formats.scan import ScanError

TAGS: tuple[int | str, ...] = (
    "SOPClassUID", "Modality", "SeriesInstanceUID", "SeriesDescription", "PatientID", "ImageType", "NumberOfFrames",
    "Rows", "FrameOfReferenceUID", "ReferencedSeriesSequence", "ReferencedFrameOfReferenceSequence",
    "SegmentSequence", "StructureSetROISequence",
)  # fmt: skip


@dataclass
class ImageSeries:
    """A series of images: where its files lie, and what they say."""

    uid: str
    modality: str
    description: str
    patient: str
    """PatientID; never shown."""
    frame_of_reference: str
    is_localizer: bool
    images: int = 0
    folders: set[Path] = field(default_factory=set)


@dataclass(frozen=True)
class LabelFile:
    """A segmentation or structure set and the series that it names."""

    path: Path
    patient: str
    series: frozenset[str]
    frames_of_reference: frozenset[str]
    names: tuple[str, ...] = ()
    """Of its structures, drawn or not."""


@dataclass
class Archive:
    """Everything DICOM below a folder."""

    series: dict[str, ImageSeries] = field(default_factory=dict)
    labels: list[LabelFile] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    """Objects that are neither, and how many."""
    damaged: list[str] = field(default_factory=list)
    """What is wrong with files that could not be read."""

    def drawn_on(self, label: LabelFile) -> list[ImageSeries]:
        """The series a label belongs to: those it names, else those of its frame of reference and patient."""
        named = [self.series[uid] for uid in sorted(label.series) if uid in self.series]
        if named or label.series:
            return named
        return [
            one
            for one in self.series.values()
            if one.patient == label.patient and one.frame_of_reference in label.frames_of_reference
        ]


def survey(root: Path) -> Archive:
    """Read the headers of all DICOM files below a folder."""
    archive = Archive()
    for path in files_below(root):
        try:
            opened = open_file(path, TAGS)
            kind, data = kind_of(opened), opened.data
            uid = word(data, "SeriesInstanceUID")
            if kind == "image":
                require_pixels(opened)
                found = archive.series.setdefault(uid, _series(uid, data))
                found.images += whole(path, data, "NumberOfFrames", 1)
                found.folders.add(path.parent)
            elif kind == "other":
                archive.others[words_for(opened)] += 1
            else:
                named = frozenset(references(data, "SeriesInstanceUID"))
                frames = frozenset(references(data, "FrameOfReferenceUID")) | {word(data, "FrameOfReferenceUID")}
                names = tuple(name for name, _, _ in structures(data))
                archive.labels.append(LabelFile(path, word(data, "PatientID"), named, frames - {""}, names))
        except ScanError as error:
            archive.damaged.append(error.message)
    return archive


def structures(data: Dataset) -> Iterator[tuple[str, Dataset, str]]:
    """Of each segment or ROI, drawn or not: its name, the item that tells of it, and the keyword of its number."""
    for sequence, name, number in (
        ("SegmentSequence", "SegmentLabel", "SegmentNumber"),
        ("StructureSetROISequence", "ROIName", "ROINumber"),
    ):
        for one in items(data, sequence):
            yield word(one, name), one, number


def _series(uid: str, data: Dataset) -> ImageSeries:
    return ImageSeries(
        uid,
        modality=word(data, "Modality"),
        description=word(data, "SeriesDescription"),
        patient=word(data, "PatientID"),
        frame_of_reference=word(data, "FrameOfReferenceUID"),
        is_localizer="LOCALIZER" in word(data, "ImageType").upper(),
    )


def references(data: Dataset, keyword: str) -> Iterator[str]:
    """UIDs that a label's references name, however deep: SEG and RTSTRUCT keep them at different depths."""
    for sequence in (
        "ReferencedSeriesSequence",
        "ReferencedFrameOfReferenceSequence",
        "RTReferencedStudySequence",
        "RTReferencedSeriesSequence",
    ):
        for one in items(data, sequence):
            if word(one, keyword):
                yield word(one, keyword)
            yield from references(one, keyword)
