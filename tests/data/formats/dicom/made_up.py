"""Made-up DICOM files: slices, enhanced images, segmentations, structure sets. No voxel of them is of a patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage

STUDY = "1.2.826.0.1.1"
AXIAL = (1.0, 0, 0, 0, 1, 0)
SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.4")


def new(
    sop: str, uid: str, syntax: str = ExplicitVRLittleEndian, series: str = f"{STUDY}.5", **tags: Any
) -> FileDataset:
    """An object of a class with what every object has."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = sop, uid, syntax
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = sop, uid, STUDY, series
    data.FrameOfReferenceUID, data.PatientID, data.PatientName = f"{STUDY}.9", "0", "Made^Up"
    data.PatientBirthDate = data.PatientSex = data.StudyDate = data.StudyTime = data.StudyID = data.AccessionNumber = ""
    data.ReferringPhysicianName = data.Manufacturer = ""
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    return data


def pixels(data: Dataset, array: np.ndarray, bits: int | None = None) -> None:
    """Gray pixels (rows, columns) or (frames, rows, columns), by their own number type."""
    data.Rows, data.Columns = array.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = 8 * array.dtype.itemsize
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(array.dtype.kind == "i")
    data.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
    data["PixelData"].VR = "OW" if array.dtype.itemsize > 1 else "OB"


def slice_of(array: np.ndarray, index: int = 0, position: Sequence[float] = (0, 0, 0), **tags: Any) -> FileDataset:
    """One CT slice (rows, columns)."""
    series = tags.get("SeriesInstanceUID", f"{STUDY}.5")
    data = new(CTImageStorage, f"{series}.{index + 1}", Modality="CT", InstanceNumber=index + 1)
    data.ImagePositionPatient, data.ImageOrientationPatient = list(position), list(AXIAL)
    data.PixelSpacing, data.SliceThickness = [1.5, 1.5], "3"
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    pixels(data, array)
    for keyword, value in tags.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    return data


def write(data: FileDataset, path: Path) -> Path:
    """Save, with folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def series(
    folder: Path, array: np.ndarray, step: Sequence[float] = (0, 0, 3.0),
    each: Mapping[int, Mapping[str, Any]] | None = None, ending: str = ".dcm", **tags: Any,
) -> Path:  # fmt: skip
    """Slices of (slices, rows, columns), each ``step`` mm from the last; ``each``: attributes of single ones."""
    for index, plane in enumerate(array):
        position = [value * index for value in step]
        own = {**tags, **((each or {}).get(index, {}))}
        write(slice_of(plane, index, position, **own), folder / f"IM{index:03d}{ending}")
    return folder


def noise(shape: tuple[int, ...], seed: int = 0, dtype: Any = np.uint16, high: int = 3000) -> np.ndarray:
    """Whole numbers without structure."""
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def group(keyword: str, **tags: Any) -> Dataset:
    """A functional group: a data set with a sequence of one item."""
    inner, outer = Dataset(), Dataset()
    for name, value in tags.items():
        setattr(inner, name, value)
    setattr(outer, keyword, Items([inner]))
    return outer


def enhanced(
    array: np.ndarray, step: float = 3.0, order: Sequence[int] | None = None, slopes: Sequence[float] | None = None
) -> FileDataset:
    """An enhanced CT of (frames, rows, columns), stored in ``order``, with a slope a frame if given."""
    order = list(order) if order is not None else list(range(len(array)))
    data = new(EnhancedCTImageStorage, f"{STUDY}.5.1", Modality="CT", NumberOfFrames=len(array))
    shared = Dataset()
    shared.update(group("PixelMeasuresSequence", PixelSpacing=[1.5, 1.5], SliceThickness="3"))
    shared.update(group("PlaneOrientationSequence", ImageOrientationPatient=list(AXIAL)))
    if slopes is None:
        shared.update(group("PixelValueTransformationSequence", RescaleSlope="1", RescaleIntercept="-1024"))
    frames = []
    for index in order:
        frame = group("PlanePositionSequence", ImagePositionPatient=[0, 0, step * index])
        if slopes is not None:
            scale = {"RescaleSlope": str(slopes[index]), "RescaleIntercept": "0.5"}
            frame.update(group("PixelValueTransformationSequence", **scale))
        frames.append(frame)
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = Items([shared]), Items(frames)
    pixels(data, np.ascontiguousarray(array[order]))
    return data


def structures(rois: Mapping[str, Sequence[np.ndarray]], kind: str = "CLOSED_PLANAR") -> FileDataset:
    """A structure set: name -> contours, (N, 3) LPS+ mm each."""
    data = new(RTStructureSetStorage, f"{STUDY}.7.1", series=f"{STUDY}.7", Modality="RTSTRUCT", StructureSetLabel="x")
    names, drawn = [], []
    for number, (name, contours) in enumerate(rois.items(), 1):
        roi = Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, data.FrameOfReferenceUID
        roi.ROIGenerationAlgorithm = "MANUAL"
        names.append(roi)
        outline = Dataset()
        outline.ReferencedROINumber, outline.ContourSequence = number, Items([])
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
            contour.ContourData = [f"{value:.8g}" for value in np.ravel(points)]
            outline.ContourSequence.append(contour)
        drawn.append(outline)
    data.StructureSetROISequence, data.ROIContourSequence = Items(names), Items(drawn)
    return data


def segmentation(
    masks: Mapping[str, np.ndarray], positions: Sequence[Sequence[float]], orientation: Sequence[float] = AXIAL,
    kind: str = "BINARY", order: Sequence[int] | None = None, spacing: Sequence[float] = (1.5, 1.5),
) -> FileDataset:  # fmt: skip
    """A SEG object: name -> (frames, rows, columns) at ``positions``; empty frames are left out, as writers do."""
    data = new(SEGMENTATION, f"{STUDY}.8.1", series=f"{STUDY}.8", Modality="SEG", SegmentationType=kind)
    segments, frames, planes = [], [], []
    for number, (name, mask) in enumerate(masks.items(), 1):
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, name
        segments.append(segment)
        for index, plane in enumerate(mask):
            if plane.any():
                frame = group("PlanePositionSequence", ImagePositionPatient=list(positions[index]))
                frame.update(group("SegmentIdentificationSequence", ReferencedSegmentNumber=number))
                frames.append(frame)
                planes.append(plane)
    order = list(order) if order is not None else list(range(len(frames)))
    shared = group("PixelMeasuresSequence", PixelSpacing=list(spacing), SliceThickness="3")
    shared.update(group("PlaneOrientationSequence", ImageOrientationPatient=list(orientation)))
    data.SegmentSequence, data.SharedFunctionalGroupsSequence = Items(segments), Items([shared])
    data.PerFrameFunctionalGroupsSequence = Items([frames[index] for index in order])
    stored = np.stack([planes[index] for index in order]).astype(np.uint8)
    pixels(data, stored)
    data.NumberOfFrames = len(frames)
    if kind == "BINARY":
        data.BitsAllocated, data.BitsStored, data.HighBit = 1, 1, 0
        packed = np.packbits(stored.ravel() > 0, bitorder="little").tobytes()
        data.PixelData = packed + b"\0" * (len(packed) % 2)
    elif kind == "FRACTIONAL":
        data.MaximumFractionalValue, data.SegmentationFractionalType = 255, "PROBABILITY"
    return data
