"""Small masks that the tests of scores share."""

import numpy as np
from scipy import ndimage

UNIT = (1.0, 1.0, 1.0)


def cube(corner, side, shape=(12, 12, 12)):
    """A solid cube of bool."""
    mask = np.zeros(shape, bool)
    mask[tuple(slice(start, start + side) for start in corner)] = True
    return mask


def blob(seed, shape=(14, 12, 10)):
    """A random mask: lumps, specks, or a single voxel, often touching the edge of the array. Never empty."""
    rng = np.random.default_rng(seed)
    if seed % 7 == 0:
        mask = np.zeros(shape, bool)
        mask[tuple(rng.integers(0, shape))] = True
        return mask
    field = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.3, 2.0))
    return field > np.quantile(field, rng.uniform(0.5, 0.995))
