"""What a DICOM file is: an image, a label (segmentation or structure set), or neither."""

from __future__ import annotations

from semivox.data.formats.dicom.opening import Opened
from semivox.data.formats.dicom.tags import word

SEGMENTATION = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes Segmentation Storage and Label Map Segmentation Storage (PS3.4, table B.5-1)."""
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
"""SOP class RT Structure Set Storage."""
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
"""SOP class RT Dose Storage: voxels, but no scan."""
OTHER_MODALITIES = (
    "AU", "DOC", "ECG", "FID", "HD", "KO", "M3D", "PLAN", "PR", "REG",
    "RTDOSE", "RTPLAN", "RTRECORD", "RWV", "SR", "STL",
)  # fmt: skip
"""Modalities of objects without a scan's pixels (PS3.3, C.7.3.1.1.1)."""


def kind_of(opened: Opened) -> str:
    """``image``, ``segmentation``, ``structures`` or ``other``.

    A file that names no class is taken for an image, so that a damaged slice is refused and not passed over.
    """
    sop, modality = str(opened.sop_class), word(opened.data, "Modality").upper()
    if sop in SEGMENTATION or (not sop and modality == "SEG"):
        return "segmentation"
    if sop == STRUCTURES or (not sop and modality == "RTSTRUCT"):
        return "structures"
    if sop == DOSE or modality in OTHER_MODALITIES:
        return "other"
    has_pixels = opened.pixels is not None or "Rows" in opened.data
    return "image" if has_pixels or not sop or "Image Storage" in opened.sop_class.name else "other"


def words_for(opened: Opened) -> str:
    """What a file is, for people: the name of its class, such as ``RT Structure Set Storage``."""
    name = opened.sop_class.name if opened.sop_class else ""
    return name if name and not name[0].isdigit() else word(opened.data, "Modality") or "an unknown object"
