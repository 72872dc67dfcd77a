"""What is odd about a series that can be read: said beside it, so that nothing is passed over in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from semivox.core.geometry import Grid
from semivox.core.plurals import plural
from semivox.data.formats.dicom.alike import differences, names_of
from semivox.data.formats.dicom.kinds import kind_of, words_for
from semivox.data.formats.dicom.planes import Plane
from semivox.data.formats.dicom.series import Contents, Series
from semivox.data.formats.dicom.tags import number, word
from semivox.data.formats.orientation import shear_degrees
from semivox.data.formats.scan import ScanError
from semivox.data.remarks import Remark

TILT = 0.1
"""Degrees of gantry tilt that matter."""
NONE = "No action."
DICOM_NAMES = (".dcm", ".dicom", ".ima", "")


def remarks_on(planes: Sequence[Plane], grid: Grid, series: Series, contents: Contents) -> tuple[Remark, ...]:
    """All remarks on a series, its files and its neighbors."""
    return (*_beside(series, contents), *_geometry(planes, grid), *_values(planes), *differences(planes))


def _beside(series: Series, contents: Contents) -> Iterator[Remark]:
    """Files that were passed over."""
    kinds = Counter(words_for(file) for file in contents.others)
    if kinds:
        listed = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
        labels = any(kind_of(file) in ("segmentation", "structures") for file in contents.others)
        fix = (
            "To use the segmentation or structure set as a label, name it as the label of the case." if labels else NONE
        )
        yield Remark("passed_over", f"beside the series, not images, not used: {listed}", fix, "note")
    rest = [other for other in contents.series if other is not series]
    if rest:
        yield Remark(
            "passed_over", f"other series, not used: {'; '.join(other.words for other in rest[:4])}", NONE, "note"
        )
    damaged = [path.name for path in contents.strangers if path.suffix.lower() in DICOM_NAMES]
    if damaged:
        text = f"{plural(len(damaged), 'file')} beside the slices, not DICOM: {', '.join(damaged[:4])}"
        yield Remark("not_dicom", text, "Copy them again if they are slices of this scan; else remove them.")


def _geometry(planes: Sequence[Plane], grid: Grid) -> Iterator[Remark]:
    """Tags that contradict where the slices lie."""
    source = planes[0].source
    data, path, distance = source.data, source.path, _distance(planes)
    try:
        said, tilt = number(path, data, "SpacingBetweenSlices"), number(path, data, "GantryDetectorTilt")
        count = number(path, data, "ImagesInAcquisition")
    except ScanError:  # none of them is needed
        said = tilt = count = None
    if said is not None and abs(abs(said) - distance) > 0.01 * distance + 0.01:
        text = f"SpacingBetweenSlices says {abs(said):.3g} mm, the slices lie {distance:.3g} mm apart, which is used"
        yield Remark("slice_distance", text, "Check that no slices were left out at a regular step.")
    shear = shear_degrees(grid.affine)
    if tilt is not None and abs(tilt) > TILT and shear < TILT:
        text = f"GantryDetectorTilt says {tilt:.1f} degrees, the positions show none; the positions are used"
        yield Remark("gantry_tilt", text, "No action if the series was corrected for the tilt; else export it again.")
    if count is not None and len(planes) < count:
        text = f"ImagesInAcquisition says {count:.0f}, there are {len(planes)} slices"
        yield Remark("incomplete_series", text, "Check that no slices are missing at the ends.")
    yield from _left_out(planes, distance)
    yield from _posture(planes)


def _left_out(planes: Sequence[Plane], distance: float) -> Iterator[Remark]:
    """Every second slice, or one of three, is there: the numbers of the images jump by a regular step, and the slices
    are thinner than they lie apart. Images that count echoes between the slices are as thick as they lie apart."""
    numbers = [word(plane.source.data, "InstanceNumber") for plane in planes]
    thickness = word(planes[0].source.data, "SliceThickness")
    try:
        steps = {abs(int(b) - int(a)) for a, b in pairwise(numbers)}
        thick = float(thickness)
    except ValueError:
        return
    if len(steps) == 1 and (step := steps.pop()) > 1 and distance > 1.5 * thick:
        text = (
            f"InstanceNumber counts {numbers[0]}, {numbers[1]}, ...; slices of {thick:.3g} mm lie {distance:.3g} mm "
            f"apart: {step - 1} of {step} slices seem to be missing"
        )
        yield Remark("incomplete_series", text, "Export the whole series again; no action if it was drawn up so.")


def _distance(planes: Sequence[Plane]) -> float:
    """mm along the normal from slice to slice."""
    ends = np.array(planes[-1].position) - np.array(planes[0].position)
    normal = np.cross(planes[0].orientation[:3], planes[0].orientation[3:])
    return float(abs(ends @ normal)) / (len(planes) - 1)


def _posture(planes: Sequence[Plane]) -> Iterator[Remark]:
    """PatientPosition against the axes of axial CT: a patient on the belly has rows that run the other way."""
    words = Counter(word(plane.source.data, "PatientPosition") for plane in planes)
    if len(words) > 1:
        odd = [plane for plane in planes if word(plane.source.data, "PatientPosition") != words.most_common(1)[0][0]]
        text = f"PatientPosition differs within the series ({', '.join(sorted(words))}): {names_of(odd)}"
        yield Remark(
            "patient_position", text, "Check which way the patient lay; the directions in each slice are used."
        )
    posture, row = words.most_common(1)[0][0], planes[0].orientation
    axial = abs(row[0]) > 0.9 and abs(row[4]) > 0.9
    known = word(planes[0].source.data, "Modality") == "CT" and posture in ("HFS", "FFS", "HFP", "FFP")
    if axial and known and (row[4] > 0) == (posture[2] == "P"):
        text = f"PatientPosition says {posture}, the slices' directions say otherwise; the directions are used"
        yield Remark("patient_position", text, "Look at a picture: front and back, left and right may be swapped.")


def _values(planes: Sequence[Plane]) -> Iterator[Remark]:
    """What the numbers mean."""
    data = planes[0].source.data
    half = [plane for plane in planes if (plane.slope is None) != (plane.intercept is None)]
    if half:
        text = f"RescaleSlope or RescaleIntercept is missing in {names_of(half)}; 1 and 0 are taken"
        yield Remark("no_rescale", text, "Export the series again.")
    bare = [plane for plane in planes if plane.slope is None and plane.intercept is None]
    mixed, lut = 0 < len(bare) < len(planes), bool(data.get("ModalityLUTSequence"))
    if not lut and (mixed or (bare and word(data, "Modality") == "CT")):
        text = f"no RescaleSlope and RescaleIntercept in {names_of(bare)}; the stored numbers are taken as they are"
        yield Remark("no_rescale", text, "Check that the values are in the unit of the other scans (HU for CT).")
    if word(data, "PhotometricInterpretation") == "MONOCHROME1":
        text = "MONOCHROME1: low values are meant to be shown bright; the values are taken as stored"
        yield Remark("monochrome1", text, "No action if all scans are so; else invert this one.")
    if word(data, "LossyImageCompression") == "01":
        yield Remark("lossy", "the slices were compressed with loss", "Use the original if there is one.")
