"""Do the voxels stand in the byte order that the header gives? Read the other way round, a scan becomes noise.

No header tells that it is wrong, but anatomy is smooth: the order in which neighbors are alike is the true one. Nothing
here depends on the unit of the values.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semivox.data.formats.scan import ScanError
from semivox.data.remarks import Remark

EDGE = 64
"""Voxels along each axis of the middle of a scan that are looked at."""
FEWEST = 216
"""Voxels of which this can be said; in a few, chance makes either order the smoother one."""
MUCH_SMOOTHER = 0.6
"""Times the difference of neighbors; real scans have a seventh of it in their own order (CT, measured)."""
CLEARLY_MORE = 8
"""Times as many highest bytes as lowest ones occur: in whole numbers of a scan the lowest bytes are diverse."""
DECADES = 20.0, 10.0
"""Powers of ten that floating-point values span in the wrong order at least, and in the right one at most."""
EXPORT = "Correct the byte order in the header (or export the scan again), and compare with the original."


def remarks_on(path: Path, array: np.ndarray) -> tuple[Remark, ...]:
    """What is odd about stored numbers (C, X, Y, Z). Raises ScanError ``byte_order`` where they are noise as read."""
    if array.dtype.itemsize < 2 or array.dtype.kind not in "iuf":
        return ()
    part = _middle(array)
    if part.size < FEWEST:
        return ()
    if part.dtype.kind == "f":
        swapped = _is_odd(part) and not _is_odd(part.byteswap()) and _span(part.byteswap()) < DECADES[1]
        alike = False
    else:
        bytes_ = part.reshape(-1, 1).astype(part.dtype.newbyteorder("<")).view(np.uint8)
        lowest, highest = (len(np.unique(bytes_[:, place])) for place in (0, -1))
        alike = lowest == 1 and int(bytes_[0, 0]) == 0 and highest > 1
        many = highest >= CLEARLY_MORE * lowest and (lowest > 1 or part.dtype.itemsize > 2)
        own, other = _roughness(part), _roughness(part.byteswap())
        swapped = other < (1.0 if many else MUCH_SMOOTHER) * own  # coarse steps, too, have few lowest bytes
    if swapped:
        raise ScanError(
            "byte_order",
            f"{path}: read in the byte order that its header gives, the voxels are noise; the other order fits.",
            EXPORT,
        )
    if alike:
        text = "all values are multiples of 256, as where 8-bit values are read in the wrong byte order"
        return (Remark("byte_order", text, EXPORT),)
    return ()


def _middle(array: np.ndarray) -> np.ndarray:
    """The first channel (X, Y, Z) around its middle, in this machine's byte order."""
    x, y, z = (slice(start, start + EDGE) for start in (max(0, (size - EDGE) // 2) for size in array.shape[1:]))
    return np.ascontiguousarray(array[0, x, y, z], dtype=array.dtype.newbyteorder("="))


def _roughness(part: np.ndarray) -> float:
    """Mean difference of neighbors, in mean distances from the median; 0 for a constant."""
    values = part.astype(np.float64)
    spread = float(np.abs(values - np.median(values)).mean())
    steps = [np.abs(np.diff(values, axis=axis)).mean() for axis in range(3) if values.shape[axis] > 1]
    return float(np.mean(steps)) / spread if spread and steps else 0.0


def _is_odd(part: np.ndarray) -> bool:
    """Whether numbers are so unlike one another, or so close to 0, that no measurement gave them."""
    sizes = _sizes(part)
    return _span(part) > DECADES[0] or bool(len(sizes) and sizes.max() < np.finfo(part.dtype).tiny)


def _span(part: np.ndarray) -> float:
    """Powers of ten between small and large values other than 0."""
    sizes = _sizes(part)
    if len(sizes) < 2:
        return 0.0
    low, high = np.percentile(np.log10(sizes), (1, 99))
    return float(high - low)


def _sizes(part: np.ndarray) -> np.ndarray:
    """Finite numbers other than 0, without their signs."""
    return np.abs(part[np.isfinite(part) & (part != 0)].astype(np.float64))
