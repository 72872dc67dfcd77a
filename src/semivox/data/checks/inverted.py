"""Is a scan a negative: dark where the others are bright? Its range may be the same, so only the shape of it tells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from semivox.data.checks.findings import Finding
from semivox.data.checks.units import COMPARED, PERCENTS, Intensities

END = 0.15
"""Part of a scan's range at either end of it."""
CLEARLY = 3.0
"""Times more voxels that lie at one end than at the other."""
MANY = 0.1
"""Part of the voxels that must lie there for anything to be said."""


def inverted_scans(found: Mapping[str, tuple[Intensities, ...]], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """(case, finding) of scans whose values are spread as the negative of the others' are."""
    results = []
    for channel in range(max((len(values) for values in found.values()), default=0)):
        ends = {
            case: _ends(values[channel])
            for case, values in found.items()
            if len(values) > channel and values[channel].width > 0 and not values[channel].wrapped
        }
        if len(ends) < COMPARED:
            continue
        usual_low, usual_high = np.median(list(ends.values()), axis=0)
        for case, (low, high) in ends.items():
            if _is_end(usual_low, usual_high) and _is_end(high, low):
                what, usual = "bright", "dark"
            elif _is_end(usual_high, usual_low) and _is_end(low, high):
                what, usual = "dark", "bright"
            else:
                continue
            text = f"most voxels are {what} that are {usual} in the other scans: it seems to be a negative of them"
            text = f"channel {channel}: {text}" if len(found[case]) > 1 else text
            fix = "Look at the scan; export it again, or negate it. No action if it is right."
            results.append((case, Finding.of("warning", "inverted", text, fix, files[case])))
    return results


def _ends(values: Intensities) -> tuple[float, float]:
    """Parts of the voxels in the lowest and in the highest part of the range, whatever its unit."""
    percentiles = np.array(values.percentiles)
    place = (percentiles - percentiles[0]) / values.width
    low, high = np.interp((END, 1 - END), place, PERCENTS) / 100
    return float(low), float(1 - high)


def _is_end(many: float, few: float) -> bool:
    """Whether so many voxels lie at one end and so few at the other that this end is the surroundings."""
    return many > MANY and many > CLEARLY * few
