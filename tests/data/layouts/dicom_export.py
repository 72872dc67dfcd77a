"""Patients, studies and series as a hospital's archive writes them."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.data.formats.dicom import made_up

SHAPE = (8, 24, 24)


def patient(root, name: str, kind: str = "", number: int = 0, uid: str = "") -> None:
    """PATIENT/STUDY/SERIES with a CT of a bright box, and its label as RTSTRUCT or SEG."""
    series = uid or f"1.2.55.{number}"
    array, mask = made_up.noise(SHAPE, number, high=100), np.zeros(SHAPE, bool)
    mask[2:6, 6:16, 8:18] = True
    array[mask] += 900
    tags = {"SeriesInstanceUID": series, "PatientID": name, "FrameOfReferenceUID": f"{series}.9"}
    made_up.series(root / name / "STUDY0" / "SERIES0", array + 1000, ending="", **tags)
    if not kind:
        return
    positions = [[0, 0, 3.0 * index] for index in range(SHAPE[0])]
    if kind == "RTSTRUCT":
        corners = 1.5 * np.array([[7.5, 5.5], [17.5, 5.5], [17.5, 15.5], [7.5, 15.5]])
        outlines = [np.column_stack([corners, np.full(4, 3.0 * index)]) for index in range(2, 6)]
        label = made_up.structures({"lesion": outlines})
        inner, study, frame = Dataset(), Dataset(), Dataset()
        inner.SeriesInstanceUID, study.RTReferencedSeriesSequence = series, Items([inner])
        frame.RTReferencedStudySequence = Items([study])
        label.ReferencedFrameOfReferenceSequence = Items([frame])
    else:
        label = made_up.segmentation({"lesion": mask}, positions)
        reference = Dataset()
        reference.SeriesInstanceUID = series
        label.ReferencedSeriesSequence = Items([reference])
    label.PatientID, label.FrameOfReferenceUID = name, f"{series}.9"
    made_up.write(label, root / name / "STUDY0" / kind / "1")
