"""Do all slices of a series belong to one scan? Compared slice by slice: nothing is believed because another says so.

What makes a wrong volume is refused, naming the slices; what may have a good reason is a remark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.dicom.tags import word
from semivox.data.formats.scan import ScanError
from semivox.data.remarks import Remark

EACH = "Split the folder: one volume needs slices that lie alike. Localizers, reformats and other series go elsewhere."
AGAIN = "Export the series again."
MUST_AGREE: tuple[tuple[str, str, Callable[[Plane], str], str], ...] = (
    ("uneven_slices", "rows x columns", lambda p: f"{p.shape[0]} x {p.shape[1]}", EACH),
    ("mixed_spacing", "pixel spacing (mm)", lambda p: f"{p.spacing[0]:.4g} x {p.spacing[1]:.4g}", EACH),
    ("mixed_frames_of_reference", "frame of reference", lambda p: word(p.source.data, "FrameOfReferenceUID"),
     "Positions in different frames of reference cannot be compared; put each into a folder of its own."),
    ("mixed_images", "modality", lambda p: word(p.source.data, "Modality"), EACH),
    ("mixed_images", "kind of image", lambda p: "a localizer" if _is_localizer(p) else "", EACH),
    ("mixed_images", "part of the signal", lambda p: _part(p), "Put each into a folder of its own."),
    ("mixed_values", "interpretation", lambda p: word(p.source.data, "PhotometricInterpretation"), EACH),
    ("mixed_values", "unit of values", lambda p: word(p.source.data, "RescaleType"), AGAIN),
    ("mixed_values", "unit of values", lambda p: word(p.source.data, "Units"), AGAIN),
    ("mixed_values", "pixel type", lambda p: p.source.pixels.keyword if p.source.pixels else "", EACH),
)  # fmt: skip
"""Code of the finding, what it is, how to tell, and the fix."""
USUALLY_AGREE = (
    "BitsStored", "PixelRepresentation", "ImageType", "StudyInstanceUID", "SliceThickness", "EchoTime",
    "ConvolutionKernel", "DiffusionBValue",
)  # fmt: skip
"""Attributes that are the same in all slices of most scans. Values are not shown where they name a patient's visit."""
HIDDEN = ("StudyInstanceUID",)
PARTS = ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY", "M", "P", "R", "I")
"""Of ImageType: what of a complex signal is shown (PS3.3, C.8.13.3.1.1; single letters are of vendors)."""


def require_alike(name: str, planes: Sequence[Plane]) -> None:
    """All slices have the size, pixel spacing, world, patient and kind of numbers that most have. Raises ScanError."""
    for code, what, trait, fix in MUST_AGREE:
        usual, odd = _odd(planes, trait)
        if odd:
            other = trait(odd[0])
            raise ScanError(
                code,
                f"{name}: slices differ in {what}: {other or 'none'} in {names_of(odd)}, {usual or 'none'} elsewhere.",
                fix,
            )
    named = [plane for plane in planes if word(plane.source.data, "PatientID")]
    if odd := _odd(named, lambda plane: word(plane.source.data, "PatientID"))[1]:
        raise ScanError(
            "mixed_patients", f"{name}: slices differ in PatientID: {names_of(odd)} name another than most.",
            "Put the slices of each patient into a folder of their own.",
        )  # fmt: skip
    _require_one_sign(name, planes)


def differences(planes: Sequence[Plane]) -> Iterator[Remark]:
    """Attributes that differ within the series although they rarely do."""
    for keyword in USUALLY_AGREE:
        usual, odd = _odd(planes, lambda plane, keyword=keyword: word(plane.source.data, keyword))  # type: ignore[misc]
        if odd:
            other = word(odd[0].source.data, keyword)
            values = "" if keyword in HIDDEN else f" ({other or 'none'}; elsewhere {usual or 'none'})"
            text = f"slices differ in {keyword}: {names_of(odd)}{values}"
            yield Remark("mixed_slices", text, "Check that they are slices of one scan; if not, remove the odd ones.")


def names_of(planes: Sequence[Plane], limit: int = 4) -> str:
    """The first few slices by name, and how many there are."""
    names = [plane.name for plane in planes]
    return ", ".join(names[:limit]) + (f", ... ({len(names)} slices)" if len(names) > limit else "")


def _odd(planes: Sequence[Plane], trait: Callable[[Plane], Hashable]) -> tuple[Any, list[Plane]]:
    """What most slices have, and the slices that have something else."""
    counts = Counter(trait(plane) for plane in planes)
    if len(counts) < 2:
        return "", []
    usual = counts.most_common(1)[0][0]
    return usual, [plane for plane in planes if trait(plane) != usual]


def _require_one_sign(name: str, planes: Sequence[Plane]) -> None:
    """Numbers with and without a sign under one rescale: in some slices the tag is wrong, and values wrap."""

    def sign(plane: Plane) -> str:
        return word(plane.source.data, "PixelRepresentation")

    usual, odd = _odd(planes, sign)
    scales = {(plane.slope, plane.intercept) for plane in planes}
    if odd and len(scales) == 1:
        raise ScanError(
            "mixed_values",
            f"{name}: slices differ in PixelRepresentation: {sign(odd[0]) or 'none'} in {names_of(odd)}, "
            f"{usual or 'none'} elsewhere, with the same rescale: negative numbers would wrap.",
            AGAIN,
        )


def _words(plane: Plane) -> list[str]:
    """The values of ImageType."""
    value = plane.source.data.get("ImageType")
    return [str(one).strip().upper() for one in ([value] if isinstance(value, str) else value or ())]


def _is_localizer(plane: Plane) -> bool:
    return any(one in ("LOCALIZER", "SCOUT", "TOPOGRAM") for one in _words(plane))


def _part(plane: Plane) -> str:
    """Magnitude, phase, real or imaginary part, where the slice says so."""
    return next((one for one in _words(plane)[2:] if one in PARTS), "")
