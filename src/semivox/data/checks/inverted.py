"""Is a scan a negative: dark where the others are bright? Its range may be the same, so only the shape of it tells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from semivox.data.checks.findings import Finding
from semivox.data.checks.units import COMPARED, Intensities

UNLIKE = 0.2
"""Part of its range by which some percentile of a scan must lie elsewhere than in the others."""
CLOSER = 3.0
"""Times nearer to the others that the negative of the scan must be than the scan itself."""


def inverted_scans(found: Mapping[str, tuple[Intensities, ...]], files: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """(case, finding) of scans whose values are spread as the negative of the others' are."""
    results = []
    for channel in range(max((len(values) for values in found.values()), default=0)):
        shapes = {
            case: _shape(values[channel])
            for case, values in found.items()
            if len(values) > channel and values[channel].width > 0
        }
        if len(shapes) < COMPARED:
            continue
        every = np.array(list(shapes.values()))
        for index, (case, shape) in enumerate(shapes.items()):
            usual = np.median(np.delete(every, index, axis=0), axis=0)
            own, negative = (float(np.abs(one - usual).max()) for one in (shape, 1 - shape[::-1]))
            if own > UNLIKE and CLOSER * negative < own:
                what = f"channel {channel}: " if len(found[case]) > 1 else ""
                text = f"{what}dark and bright seem to be exchanged: values are spread as in a negative of the others"
                fix = "Look at the scan; export it again, or negate it. No action if it is right."
                results.append((case, Finding.of("warning", "inverted", text, fix, files[case])))
    return results


def _shape(values: Intensities) -> np.ndarray:
    """Where the percentiles lie between the lowest and the highest of them, 0 to 1: free of unit and offset."""
    percentiles = np.array(values.percentiles)
    return (percentiles - percentiles[0]) / values.width
