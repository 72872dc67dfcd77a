"""Which intensity scheme suits a channel: fixed windows for CT, whose values mean something, else each scan's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

import numpy as np

from semivox.core.plan import CaseFacts, ChannelFacts, Fingerprint, Intensity, Plan
from semivox.core.plurals import plural
from semivox.data.prepared.intensity import standardizing

CT_NAMES = {"ct", "cta", "cbct", "ldct", "hounsfield", "hu"}
OTHER_NAMES = {"mr", "mri", "t1", "t1w", "t2", "t2w", "flair", "adc", "dwi", "lge", "pet", "us"}
CT_MINIMUM = -200.0
"""Hounsfield units: CT reaches below (air is -1000), MR has no negative values."""
CT_RANGE = (-32768.0, 65535.0)
"""What 16 bits can hold: values beyond are in another unit."""
PERCENTILES = (0.5, 99.5)
"""Of the labeled voxels, between which a CT window lies, as in nnU-Net."""
STANDARD = 10.0
"""Mean and standard deviation of a scan that was standardized before, or scaled to 0..1, are smaller than this."""
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
    lowest, highest = median(m.minimum for m in measured), median(m.maximum for m in measured)
    if drawn and is_ct(name, measured):
        named = words_of(name) & CT_NAMES
        evidence = "it is named CT" if named else f"whole numbers, typically from {lowest:g} to {highest:g}"
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


def unscaled(plan: Plan) -> tuple[str, ...]:
    """A warning for each channel that the plan takes as it is though its values were not standardized before."""
    told = []
    for index, (name, intensity) in enumerate(zip(plan.channels, plan.intensity, strict=True)):
        measured = [case.channels[index] for case in plan.fingerprint.cases]
        if intensity.scheme != "none" or not measured:
            continue
        mean, std = median(m.mean for m in measured), median(m.std for m in measured)
        if max(abs(mean), std) > STANDARD:
            told.append(
                f"warning: the values of {name} are taken as they are (plan.intensity none), and a scan's mean is "
                f"typically {mean:.4g}, its standard deviation {std:.4g}: networks hardly learn from values that are "
                f"not standardized. Standardize each scan: {standardizing(len(plan.channels))}"
            )
    return tuple(told)


def is_ct(name: str, measured: Sequence[ChannelFacts]) -> bool:
    """Whether a channel is CT: by its name, else by the values of most of its scans."""
    words = words_of(name)
    if words & CT_NAMES or words & OTHER_NAMES:
        return bool(words & CT_NAMES)
    lowest, highest = median(m.minimum for m in measured), median(m.maximum for m in measured)
    whole = sum(m.minimum.is_integer() and m.maximum.is_integer() for m in measured) > len(measured) / 2
    return whole and CT_RANGE[0] <= lowest < CT_MINIMUM and -CT_MINIMUM < highest <= CT_RANGE[1]


def words_of(name: str) -> set[str]:
    """The words of a channel's name, in small letters."""
    return set(re.findall(r"[a-z0-9]+", name.lower()))


def _window(index: int, drawn: Sequence[CaseFacts], fingerprint: Fingerprint, evidence: str) -> tuple[Intensity, str]:
    """A fixed window from the voxels under a label, of all labeled scans together; mean and std of what it leaves."""
    values, weights = _pooled(index, drawn, fingerprint)
    lower, upper = (_percentile(values, weights, percent) for percent in PERCENTILES)
    clipped = np.clip(values, lower, upper)
    mean = float(weights @ clipped)
    std = float(weights @ np.square(clipped - mean)) ** 0.5 or 1.0  # one value everywhere: there is nothing to scale
    lower, upper, mean, std = (float(f"{value:.6g}") for value in (lower, upper, mean, std))
    reason = (
        f"CT ({evidence}): clipped to the 0.5-99.5 percentiles {lower:.4g} to {upper:.4g} of the labeled voxels of "
        f"{plural(len(drawn), 'scan')} together, then their mean {mean:.4g} and std {std:.4g}"
    )
    return Intensity(scheme="ct", lower=lower, upper=upper, mean=mean, std=std), reason


def _pooled(index: int, drawn: Sequence[CaseFacts], fingerprint: Fingerprint) -> tuple[np.ndarray, np.ndarray]:
    """Values (N,) in ascending order that stand for all labeled voxels, and the part of the voxels each stands for."""
    values, weights = [], []
    for case in drawn:
        fact = case.foreground[index]
        # Reports of earlier versions hold no sample: 1 % of the voxels at each end, the others at the mean.
        sample, parts = fact.sample, [1 / max(1, len(fact.sample))] * len(fact.sample)
        if not sample:
            sample, parts = (fact.lower, fact.mean, fact.upper), [0.01, 0.98, 0.01]
        values += list(sample)
        weights += [foreground_voxels(case, fingerprint) * part for part in parts]
    order = np.argsort(values, kind="stable")
    ordered, shares = np.array(values)[order], np.array(weights, float)[order]
    return ordered, shares / shares.sum()


def _percentile(values: np.ndarray, weights: np.ndarray, percent: float) -> float:
    """A percentile of weighted values in ascending order, between the values as Hazen's is."""
    return float(np.interp(percent / 100, np.cumsum(weights) - weights / 2, values))


def foreground_voxels(case: CaseFacts, fingerprint: Fingerprint) -> int:
    """Voxels of a scan that carry a class other than background."""
    known = {item.value for item in fingerprint.classes[1:]}
    return sum(count for value, count in case.voxels.items() if value in known)
