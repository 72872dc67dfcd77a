"""Making scans comparable in brightness: the one place where raw values become network input."""

from __future__ import annotations

import numpy as np

from semivox.core.errors import InputError
from semivox.core.plan import Intensity

HOT_PART = 1e-4
"""The part of a scan's voxels (at least one) that may be defects: spikes of a receiver, a marker burnt in."""
HOT_SPREADS = 3.0
"""Such voxels are told by lying this many times the range of all others beyond it. In 125 MR scans of two public sets
the brightest voxel lies 0.63 ranges beyond at most."""
SAMPLE = 1_000_000
"""Voxels from which the range of a scan is taken, evenly spread."""


def standardizing(channels: int) -> str:
    """The option with which each channel of a scan is standardized."""
    listed = ", ".join(['{"scheme": "zscore"}'] * channels)
    return f"--set 'plan.intensity=[{listed}]'"


def fill(channel: np.ndarray) -> np.ndarray:
    """Voxels that are not a number (or infinite) get the smallest finite value.

    (X, Y, Z) any number type -> (X, Y, Z) float32; a new array only where one is needed. Raises InputError if no voxel
    is finite.
    """
    with np.errstate(over="ignore"):  # what is beyond single precision becomes infinite, and is filled
        values = channel.astype(np.float32, copy=False)
    low, high = float(values.min()), float(values.max())  # min and max of an array with a NaN are NaN
    if np.isfinite(low) and np.isfinite(high):
        return values
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError("the scan holds no finite value at all; export it again from its source")
    return np.where(finite, values, values[finite].min())


def scale(channel: np.ndarray, intensity: Intensity) -> np.ndarray:
    """Raw values -> network input by the plan's scheme for this channel.

    (X, Y, Z) any number type -> (X, Y, Z) float32, always a new array. The transform is the same for every voxel; with
    ``nonzero`` only its mean and std leave out the zeros, so that empty surroundings stay apart from tissue. The unit
    of the values does not matter, nor do a few defective voxels, but to ``range``, which is as published: they count as
    the value nearest to theirs.
    """
    values = fill(channel)
    if intensity.scheme == "none":
        return np.array(values, dtype=np.float32)
    if intensity.scheme == "ct":
        clipped = np.clip(values, intensity.lower, intensity.upper)
        return _standardize(clipped, intensity.mean, intensity.std)
    if intensity.scheme == "range":
        low, high = float(values.min()), float(values.max())
        return _standardize(values, low, high - low)
    counted = values[values != 0] if intensity.nonzero else values
    if counted.size == 0:
        return np.zeros(values.shape, np.float32)
    low, high = plausible(counted)
    if counted.min() < low or counted.max() > high:
        inside = counted[(counted >= low) & (counted <= high)]
        ends = (*([0.0] if intensity.nonzero else []), float(inside.min()), float(inside.max()))
        return _standardize(np.clip(values, min(ends), max(ends)), *moments(inside))
    return _standardize(values, *moments(counted))


def plausible(values: np.ndarray) -> tuple[float, float]:
    """Between which values a scan's voxels (N,) lie, but for a few that are defects; in the unit of the values.

    A limit is ``HOT_SPREADS`` times the range of all but ``HOT_PART`` of the voxels away from it. A scan that is
    constant but for a few voxels has no range, and no limit.
    """
    flat = values.ravel()
    sample = flat[:: max(1, flat.size // SAMPLE)]
    aside = min(int(np.ceil(HOT_PART * sample.size)), (sample.size - 1) // 2)
    ordered = np.partition(sample, (aside, sample.size - 1 - aside))
    low, high = float(ordered[aside]), float(ordered[sample.size - 1 - aside])
    if low == high:
        return -np.inf, np.inf
    return low - HOT_SPREADS * (high - low), high + HOT_SPREADS * (high - low)


def moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of all voxels, summed in float64, a megavoxel at a time to save memory.

    A float32 sum over 10^8 voxels would lose the third digit of the variance.
    """
    flat = values.ravel()
    parts = np.array_split(flat, flat.size // 2**20 + 1)
    mean = sum(float(part.sum(dtype=np.float64)) for part in parts) / flat.size
    variance = sum(float(np.square(part.astype(np.float64) - mean).sum()) for part in parts) / flat.size
    return mean, variance**0.5


def _standardize(values: np.ndarray, mean: float, std: float) -> np.ndarray:
    """(value - mean) / std in float32; a constant scan becomes all 0."""
    result = values - np.float32(mean)
    if std > 1e-6 * abs(mean):
        result /= np.float32(std)
    return result


def padding(intensity: Intensity) -> float:
    """What stands outside a scan: its darkest possible value (air) on a CT scale, else 0: the mean after z-scoring, the
    darkest value of ``range``."""
    if intensity.scheme != "ct":
        return 0.0
    return float(scale(np.full((1, 1, 1), intensity.lower), intensity)[0, 0, 0])
