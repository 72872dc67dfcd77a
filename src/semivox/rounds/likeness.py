"""Which scans are alike, by size, intensities and where things are: to choose without any model, and to spread.

Cold start in 3D is unsolved (COLosSAL, MICCAI 2023: no strategy is reliably better than random), so the aim is modest:
no kind of scan is left out.
"""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.ndimage import zoom

from semivox.core.case import Volume

COARSE = 5
"""Cells along each axis of the picture of a scan that tells where things are."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def description_of(volume: Volume) -> np.ndarray:
    """A scan as numbers (3 + C (5 + 125),): size in mm (logarithms), values, and a coarse picture, for each channel."""
    size = np.log(np.array(volume.shape) * np.array(volume.spacing))
    parts = [size]
    for channel in volume.array:
        step = tuple(slice(None, None, max(1, length // 64)) for length in channel.shape)
        small = channel[step].astype(np.float32)
        parts.append(np.quantile(small, QUANTILES))
        spread = float(small.std()) or 1.0
        factors = [COARSE / length for length in small.shape]
        parts.append((zoom(small, factors, order=1, grid_mode=True, mode="nearest").ravel() - small.mean()) / spread)
    return np.concatenate(parts)


def standardized(descriptions: np.ndarray) -> np.ndarray:
    """(N, D) -> (N, D): each number relative to all scans, each of size, values and picture weighing the same."""
    channels = (descriptions.shape[1] - 3) // (len(QUANTILES) + COARSE**3)  # as description_of has them
    spread = descriptions.std(0)
    scaled = (descriptions - descriptions.mean(0)) / np.where(spread > 1e-6, spread, 1.0)
    picture = COARSE**3
    weights = [np.full(3, 3.0)]
    for _ in range(channels):
        weights += [np.full(len(QUANTILES), len(QUANTILES) * channels), np.full(picture, picture * channels)]
    return scaled / np.sqrt(np.concatenate(weights).astype(np.float64))


def clusters(points: np.ndarray, count: int, stream: np.random.Generator) -> np.ndarray:
    """(N, D) -> (N,) int: which of at most ``count`` groups of alike scans each belongs to (k-means++)."""
    if count >= len(points):
        return np.arange(len(points))
    if np.ptp(points, axis=0).max(initial=0) < 1e-12:  # all alike
        return np.zeros(len(points), int)
    _, label = kmeans2(points, count, minit="++", seed=stream, missing="warn")
    return np.asarray(label)
