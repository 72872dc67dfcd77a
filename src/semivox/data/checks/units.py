"""Are the values of a scan in the unit of the others? Scans are compared with one another; nothing has a fixed limit.

Only CT needs it: its window is one for all scans. Other scans are standardized one by one, whatever their unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semivox.core.plan import ChannelFacts
from semivox.core.plurals import plural
from semivox.data.checks.findings import Finding, Level
from semivox.data.checks.hounsfield import in_doubt
from semivox.data.measurements import SAMPLE
from semivox.data.planning.intensity import is_ct
from semivox.data.prepared.intensity import plausible

PERCENTS = (0.5, 5, 25, 50, 75, 95, 99.5)
SHIFT = 0.2
"""Part of the others' range by which all percentiles of a scan must lie higher (or lower) to count as shifted."""
INTERCEPT = (975.0, 1050.0)
"""Hounsfield units: what a CT is off by whose rescale intercept (-1000 or -1024) was lost."""
WIDER = 4.0
"""A CT that spans this many times more or less than the others is in another unit."""
ALIKE = (0.5, 1.5)
"""Times the others' highest values, within which a scan that ends at 0 was cut off there rather than shifted."""
FEW = 32
"""So few distinct whole values, in large pieces, are classes, not intensities."""
PIECES = 0.9
"""Part of neighboring voxels that are equal in a label."""
GAP = 0.5
"""Part of a scan's range that holds no value, between values that many voxels have: two ends of a wrapped scale."""
MANY = 1e-3
OF_CT = ("intensity_unit", "intensity_offset")
"""What is said of values that are right in any scan but a CT."""
COMPARED = 3
"""Scans that are needed to say which one is odd."""


@dataclass(frozen=True)
class Intensities:
    """What the values of one channel are like, seen on up to a million voxels."""

    minimum: float
    maximum: float
    percentiles: tuple[float, ...]
    whole: bool
    hot: int
    """Voxels far beyond all others."""
    wrapped: bool
    """Whether the values stand at two ends of a wide scale."""
    pieces: bool
    """Whether it looks like a label: few whole values in large pieces."""

    @property
    def width(self) -> float:
        """Between the lowest and highest percentile."""
        return self.percentiles[-1] - self.percentiles[0]


def intensities(channel: np.ndarray) -> Intensities:
    """Measure one channel (X, Y, Z) without NaN."""
    values = channel.ravel()[:: max(1, channel.size // SAMPLE)].astype(np.float64)
    low, high = plausible(values)
    minimum, maximum = float(channel.min()), float(channel.max())
    hot = int(np.count_nonzero((channel < low) | (channel > high))) if minimum < low or maximum > high else 0
    found = np.unique(values[:100_000])
    distinct = found if len(found) > FEW else np.unique(values)
    whole = bool(channel.dtype.kind in "iub" or np.array_equal(distinct, np.rint(distinct)))
    return Intensities(
        minimum,
        maximum,
        tuple(float(value) for value in np.percentile(values, PERCENTS)),
        whole,
        hot,
        len(distinct) > FEW and _is_wrapped(values),
        whole and 2 <= len(distinct) <= FEW and _equal_neighbors(channel) > PIECES,
    )


def _is_wrapped(values: np.ndarray) -> bool:
    """Whether half the range of a 16-bit scan or more is empty between two groups of many voxels."""
    ordered = np.sort(values)
    reach = float(ordered[-1] - ordered[0])
    if reach < 2**15 or reach > 2**16:  # what wraps in 16 bits spans more than half of them
        return False
    steps = np.diff(ordered)
    place = int(steps.argmax())
    both = min(place + 1, len(ordered) - place - 1)
    return bool(steps[place] > GAP * reach and both > MANY * len(ordered))


def _equal_neighbors(channel: np.ndarray) -> float:
    """Part of the voxels that equal their neighbor along the last axis."""
    return float((channel[..., 1:] == channel[..., :-1]).mean()) if channel.shape[-1] > 1 else 0.0


def unit_findings(
    names: Sequence[str] | None,
    found: Mapping[str, tuple[Intensities, ...]],
    facts: Mapping[str, tuple[ChannelFacts, ...]],
    files: Mapping[str, str],
) -> list[tuple[str, Finding]]:
    """(case, finding) of every scan whose values are odd among the others. ``names`` of the channels, if declared.

    ``facts`` of the training scans decide whether a channel is CT, as they do for the plan.
    """
    results = []
    for channel in range(max((len(values) for values in found.values()), default=0)):
        scans = {case: values[channel] for case, values in found.items() if len(values) > channel}
        measured = [values[channel] for values in facts.values() if len(values) > channel]
        name = names[channel] if names and channel < len(names) else ""
        ct = bool(measured) and is_ct(name, measured)
        for case, values in scans.items():
            judged = _of_one(values, scans)
            if judged is None and ct and len(scans) >= COMPARED:
                judged = _of_ct(values, [other for key, other in scans.items() if key != case])
            if judged is not None:
                level, code, text, fix = judged
                if code in OF_CT and in_doubt(name, measured):
                    fix = f"If the scans are no CT, give the channel another name (see not_hounsfield). Else: {fix}"
                what = f"channel {name or channel}: " if len(found[case]) > 1 else ""
                results.append((case, Finding.of(level, code, what + text, fix, files[case])))
            if values.hot:
                results.append((case, _hot(values, files[case])))
    return results


Judged = tuple[Level, str, str, str]


def _of_one(values: Intensities, scans: Mapping[str, Intensities]) -> Judged | None:
    """What shows in any kind of scan."""
    if values.wrapped:
        return (
            "error",
            "wrapped",
            f"values from {values.minimum:g} to {values.maximum:g} with nothing between: negative values were stored "
            "in a type without signs, or large ones in one with them",
            "Export it again as 16-bit numbers with sign (int16), or as float.",
        )
    if values.pieces:
        alike = sum(other.pieces for other in scans.values())
        odd = alike < len(scans) / 2
        return (
            "error" if odd else "warning",
            "label_as_image",
            f"few whole values from {values.minimum:g} to {values.maximum:g} in large pieces: this looks like a label",
            "Put the scan here and its label into the labels folder."
            if odd
            else "No action if the scans are like that.",
        )
    return None


def _of_ct(values: Intensities, others: Sequence[Intensities]) -> Judged | None:
    """A CT whose numbers are not the Hounsfield units that the others are in."""
    usual = np.median([other.percentiles for other in others], axis=0)
    width = float(usual[-1] - usual[0])
    if width <= 0 or values.width <= 0:
        return None
    shifts = np.array(values.percentiles) - usual
    rest = f"the others typically from {usual[0]:.4g} to {usual[-1]:.4g}"
    own = f"values from {values.percentiles[0]:.4g} to {values.percentiles[-1]:.4g}"
    again = "Export it again in Hounsfield units"
    negative = sum(other.minimum < 0 for other in others) > len(others) / 2
    if negative and values.minimum >= 0 and values.maximum <= 255 and values.maximum < usual[-1] - usual[0]:
        kind = "8-bit gray values" if values.maximum > 1 else "a scale from 0 to 1"
        return "error", "intensity_unit", f"{own}, {rest}: {kind} among Hounsfield units", f"{again}."
    if negative and values.minimum >= 0 and ALIKE[0] * usual[-1] <= values.percentiles[-1] <= ALIKE[1] * usual[-1]:
        return "warning", "intensity_offset", f"{own}, none below 0; {rest}", f"{again}, if it was cut off at 0."
    if values.width * WIDER < width or values.width > WIDER * width:
        return "error", "intensity_unit", f"{own}, {rest}: another unit", f"{again}."
    low, high = float(shifts.min()), float(shifts.max())
    if low > SHIFT * width or high < -SHIFT * width:
        shift = float(np.median(shifts))
        lost = INTERCEPT[0] <= abs(shift) <= INTERCEPT[1]
        text = f"{own}, {rest}: all about {abs(shift):.4g} {'higher' if shift > 0 else 'lower'}"
        text += ", as where the rescale intercept of the DICOM file was lost or applied twice" if lost else ""
        sign = "Subtract" if shift > 0 else "Add"
        fix = f"{again}, or {sign.lower()} 1024 (or 1000) from it." if lost and shift > 0 else f"{again}."
        return "error" if lost else "warning", "intensity_offset", text, fix
    return None


def _hot(values: Intensities, file: str) -> Finding:
    """A few voxels that normalization leaves out."""
    text = (
        f"{plural(values.hot, 'voxel lies', 'voxels lie')} far beyond all others ({values.minimum:g} to "
        f"{values.maximum:g}; the rest: "
    )
    text += f"{values.percentiles[0]:.4g} to {values.percentiles[-1]:.4g} but for 1 %); they count as the nearest value"
    return Finding.of("note", "hot_voxels", text, "No action: they do not change how the scan is normalized.", file)
