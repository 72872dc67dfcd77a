"""A scan as the network sees it, in training and in prediction: intensities by the plan, then the plan's voxel size."""

from __future__ import annotations

import math

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.geometry import Shape
from semivox.core.memory import amount, available
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.data.prepared.intensity import scale
from semivox.data.prepared.resampling import resample, target_shape


def normalize(volume: Volume, plan: Plan) -> np.ndarray:
    """A scan as the network sees it: intensities by the plan, then the plan's voxel size. The same for every use.

    Volume (C, X, Y, Z) -> (C, X', Y', Z') float32. Raises InputError if the number of channels is not the plan's.
    """
    if len(volume.array) != len(plan.channels):
        wanted = ", ".join(plan.channels)
        raise InputError(
            f"the scan has {plural(len(volume.array), 'channel')}, the plan expects {len(plan.channels)} ({wanted})"
        )
    shape = target_shape(volume.shape, volume.spacing, plan.spacing)
    _require_room(volume, plan, shape)
    result = np.empty((len(volume.array), *shape), np.float32)
    for index, (channel, intensity) in enumerate(zip(volume.array, plan.intensity, strict=True)):
        result[index] = resample(scale(channel, intensity)[None], shape)[0]
    return result


def _require_room(volume: Volume, plan: Plan, shape: Shape) -> None:
    """Refuse a scan that does not fit in memory on the plan's grid, most likely for a wrong unit. Raises InputError."""
    needed, free = len(volume.array) * math.prod(shape) * np.dtype(np.float32).itemsize, available()
    if needed > free:
        edges, wanted = (" x ".join(f"{mm:.3g}" for mm in spacing) for spacing in (volume.spacing, plan.spacing))
        raise InputError(
            f"its voxels of {edges} mm become {' x '.join(map(str, shape))} voxels of {wanted} mm, which take "
            f"{amount(needed)} of memory where {amount(free)} are free; correct the voxel size or its unit in the "
            "header, or use a machine with more memory"
        )
