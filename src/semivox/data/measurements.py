"""What is measured on one scan and its label, for checks and for the plan: sizes, intensities, counts, centers."""

from __future__ import annotations

import numpy as np

from semivox.core.case import Volume
from semivox.core.geometry import Spacing
from semivox.core.plan import CaseFacts, ChannelFacts
from semivox.data.prepared.intensity import plausible

SAMPLE = 1_000_000
"""Voxels a channel's percentiles and moments are taken from, evenly spread; smaller scans are used whole."""
AIR = -500.0
"""Hounsfield units between air (-1000) and the lightest tissue, lung (about -800 to -500)."""
RANKS = 200
"""Values that stand for the voxels under a label of one scan when the labeled scans are pooled."""
CENTER_VOXELS = 4_000_000
"""Voxels from which centers are taken, evenly spread; smaller boxes around a label are used whole."""
PADDED = 0.1
"""From this part of exact zeros on, zeros are taken for surroundings that were blanked out."""


def facts(name: str, volume: Volume, label: np.ndarray | None, ignore: int | None = None) -> CaseFacts:
    """Measure one scan (C, X, Y, Z) and, if it has one, its label (X, Y, Z) of whole numbers, both in RAS+ orientation.

    Voxels with the label value ``ignore`` are counted but are no foreground.
    """
    channels = channel_facts(volume)
    if label is None:
        return CaseFacts(name=name, shape=volume.shape, spacing=volume.spacing, labeled=False, channels=channels)
    inside = label != 0 if ignore is None else (label != 0) & (label != ignore)
    foreground = tuple(_drawn(channel, channel[inside]) for channel in volume.array) if inside.any() else ()
    return CaseFacts(
        name=name,
        shape=volume.shape,
        spacing=volume.spacing,
        labeled=True,
        channels=channels,
        voxels=label_counts(label),
        foreground=foreground,
        centers=centers(label, volume.spacing),
    )


def channel_facts(volume: Volume) -> tuple[ChannelFacts, ...]:
    """The intensities of each channel of a scan."""
    step = max(1, volume.array[0].size // SAMPLE)
    return tuple(_channel(channel, _body(channel.ravel()[::step])) for channel in volume.array)


def label_counts(label: np.ndarray) -> dict[int, int]:
    """Label value -> number of voxels, for an array of whole numbers of any shape."""
    lowest, highest = int(label.min()), int(label.max())
    if highest - lowest > np.iinfo(np.uint16).max:
        values, found = np.unique(label, return_counts=True)
        return {int(value): int(count) for value, count in zip(values, found, strict=True)}
    counts = np.zeros(highest - lowest + 1, np.int64)
    for slab in label:  # slab by slab: counting needs eight bytes a voxel
        counts += np.bincount(slab.ravel().astype(np.int64) - lowest, minlength=len(counts))
    return {int(index) + lowest: int(counts[index]) for index in np.flatnonzero(counts)}


def centers(label: np.ndarray, spacing: Spacing) -> dict[int, tuple[float, float, float]]:
    """Label value -> center of its voxels in mm from the first voxel; (X, Y, Z) whole numbers from 0, no background."""
    thinned = thinned_box(label)
    if thinned is None:
        return {}
    box, step = thinned
    part = label[box]
    index = np.nonzero(part)
    values, which = np.unique(part[index], return_inverse=True)
    counts = np.bincount(which)
    mean = [np.bincount(which, weights=axis) / counts for axis in index]
    begin = [edge.start for edge in box]
    middle = [[(begin[axis] + step * mean[axis][i]) * spacing[axis] for axis in range(3)] for i in range(len(values))]
    return {int(value): (x, y, z) for value, (x, y, z) in zip(values, middle, strict=True)}


def class_means(channel: np.ndarray, label: np.ndarray) -> dict[int, float]:
    """Label value -> mean of a channel (X, Y, Z) under it, without background."""
    thinned = thinned_box(label)
    if thinned is None:
        return {}
    part, values = label[thinned[0]], channel[thinned[0]]
    inside = part != 0
    found, which = np.unique(part[inside], return_inverse=True)
    means = np.bincount(which, weights=values[inside]) / np.bincount(which)
    return {int(value): float(mean) for value, mean in zip(found, means, strict=True)}


def thinned_box(label: np.ndarray) -> tuple[tuple[slice, slice, slice], int] | None:
    """The box around what is drawn, of every n-th voxel along each axis, and n; None where nothing is drawn."""
    places = [np.flatnonzero(label.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    if not places[0].size:
        return None
    step = 1
    box = [slice(int(place[0]), int(place[-1]) + 1) for place in places]
    while np.prod([-(-(part.stop - part.start) // step) for part in box]) > CENTER_VOXELS:
        step += 1
    x, y, z = (slice(edge.start, edge.stop, step) for edge in box)
    return (x, y, z), step


def _body(values: np.ndarray) -> np.ndarray:
    """The part of a sample that is not surroundings: above air in CT, non-zero where zeros were padded, else all."""
    if values.min() < 2 * AIR * 0.9:  # -900: only CT goes down to air
        inside = values[values > AIR]
    elif np.count_nonzero(values == 0) >= PADDED * values.size:
        inside = values[values != 0]
    else:
        inside = values
    return inside if inside.size else values


def _drawn(channel: np.ndarray, region: np.ndarray) -> ChannelFacts:
    """The same of the voxels under a label, with values that stand for all of them."""
    ranks = (np.arange(RANKS) + 0.5) / RANKS
    low, high = plausible(region)
    sound = region[(region >= low) & (region <= high)]  # a voxel gone wrong belongs to no class
    values = np.quantile(sound[:: max(1, sound.size // SAMPLE)].astype(np.float64), ranks, method="hazen")
    return _channel(channel, region).model_copy(update={"sample": tuple(float(f"{value:.6g}") for value in values)})


def _channel(channel: np.ndarray, region: np.ndarray) -> ChannelFacts:
    """Extremes and zeros of the whole channel (X, Y, Z); moments and percentiles of a region's values (N,)."""
    values = region[:: max(1, region.size // SAMPLE)].astype(np.float64)
    lowest, highest = plausible(values)
    values = values[(values >= lowest) & (values <= highest)]  # one voxel gone wrong would move mean and spread
    lower, upper = np.percentile(values, (0.5, 99.5))
    return ChannelFacts(
        minimum=float(channel.min()),
        maximum=float(channel.max()),
        mean=float(values.mean()),
        std=float(values.std()),
        lower=float(lower),
        upper=float(upper),
        zeros=1 - np.count_nonzero(channel) / channel.size,
    )
