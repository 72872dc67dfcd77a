"""Which intensity scheme suits a channel: fixed windows for CT, whose values mean something, else each scan's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

import numpy as np

from semivox.core.plan import CaseFacts, Fingerprint, Intensity

CT_NAMES = {"ct", "cta", "cbct", "ldct", "hounsfield", "hu"}
OTHER_NAMES = {"mr", "mri", "t1", "t1w", "t2", "t2w", "flair", "adc", "dwi", "lge", "pet", "us"}
CT_MINIMUM = -200.0
"""Hounsfield units: CT reaches below (air is -1000), MR has no negative values."""
BLANKED = 0.25
"""From this part of exact zeros on, the surroundings were blanked and would distort a scan's mean."""


def choose(fingerprint: Fingerprint) -> tuple[tuple[Intensity, ...], str]:
    """One scheme per channel, and the reasons in words."""
    chosen, reasons = [], []
    for index, name in enumerate(fingerprint.channels):
        intensity, reason = _channel(index, name, fingerprint)
        chosen.append(intensity)
        reasons.append(f"{name}: {reason}")
    return tuple(chosen), "; ".join(reasons)


def _channel(index: int, name: str, fingerprint: Fingerprint) -> tuple[Intensity, str]:
    """The scheme of one channel and why."""
    measured = [case.channels[index] for case in fingerprint.cases]
    drawn = [case for case in fingerprint.cases if case.foreground]
    words = set(re.findall(r"[a-z0-9]+", name.lower()))
    lowest, highest = median(m.minimum for m in measured), median(m.maximum for m in measured)
    whole = all(m.minimum.is_integer() and m.maximum.is_integer() for m in measured)
    by_values = lowest < CT_MINIMUM and highest > -CT_MINIMUM and whole and not words & OTHER_NAMES
    if drawn and (words & CT_NAMES or by_values):
        evidence = "it is named CT" if words & CT_NAMES else f"whole numbers, typically from {lowest:g} to {highest:g}"
        return _window(index, drawn, fingerprint, evidence)
    zeros = median(m.zeros for m in measured)
    if zeros > BLANKED:
        reason = (
            f"each scan's own mean and std over non-zero voxels, since typically {zeros:.0%} of a scan is exactly 0"
        )
        return Intensity(scheme="zscore", nonzero=True), reason
    return Intensity(
        scheme="zscore"
    ), f"each scan's own mean and std, since values ({lowest:g} to {highest:g}) are not CT"


def _window(index: int, drawn: Sequence[CaseFacts], fingerprint: Fingerprint, evidence: str) -> tuple[Intensity, str]:
    """A fixed window from the voxels under a label, all labeled scans pooled by their number of such voxels."""
    weights = np.array([foreground_voxels(case, fingerprint) for case in drawn], float)
    weights /= weights.sum()
    facts = [case.foreground[index] for case in drawn]
    mean, lower, upper = (
        float(weights @ np.array([getattr(fact, key) for fact in facts])) for key in ("mean", "lower", "upper")
    )
    square = float(weights @ np.array([fact.std**2 + (fact.mean - mean) ** 2 for fact in facts]))
    intensity = Intensity(
        scheme="ct", lower=round(lower, 2), upper=round(upper, 2), mean=round(mean, 2), std=round(square**0.5, 2)
    )
    reason = (
        f"CT ({evidence}): clipped to the 0.5-99.5 percentiles {lower:.0f} to {upper:.0f} of the labeled voxels "
        f"of {len(drawn)} scan(s), then their mean {mean:.0f} and std {square**0.5:.0f}"
    )
    return intensity, reason


def foreground_voxels(case: CaseFacts, fingerprint: Fingerprint) -> int:
    """Voxels of a scan that carry a class other than background."""
    known = {item.value for item in fingerprint.classes[1:]}
    return sum(count for value, count in case.voxels.items() if value in known)
