"""Segments a scan of any size window by window, holding only a slab of it at a time.

A network sees patches of a fixed size, so a scan is cut into overlapping windows whose probabilities are averaged.
Windows are visited in order of x; as soon as no later window can touch the first planes of the slab, these are handed
on and forgotten. Nothing of the size of classes times scan ever exists.

Window starts: ``min(stride * i, size - patch)``, as in the left-atrium protocol and in MONAI. Gaussian weights: a
standard deviation of an eighth of the patch (Isensee et al., Nature Methods 18, 203-211, 2021), never below 1e-3 of
the center, so that voxels seen by window corners only keep their precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, Self, get_args

import numpy as np
import torch
from torch import Tensor

from semivox.core.errors import InputError
from semivox.core.geometry import Shape
from semivox.core.spelling import suggestion

Blend = Literal["gaussian", "uniform"]
BLENDS: tuple[Blend, ...] = get_args(Blend)
Predict = Callable[[Tensor], Tensor]
"""(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""

SIGMA = 1 / 8
"""Standard deviation of the Gaussian weights as a fraction of the patch."""
FLOOR = 1e-3
"""Smallest weight; the largest is 1."""
SHARE = 0.25
"""Of the free memory of a GPU, how much the slab may take before it is kept in main memory instead."""


@dataclass(frozen=True)
class Window:
    """How a scan is cut into windows, and how their probabilities are averaged."""

    patch: Shape
    """Voxels."""
    stride: Shape
    """Voxels from one window to the next; at most the patch, so that no voxel is left out."""
    blend: Blend = "gaussian"
    batch: int = 1
    """Windows predicted at once."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where windows are predicted."""
    channels_last: bool = False
    """Memory format of the windows."""

    def __post_init__(self) -> None:
        if not all(1 <= step <= size for step, size in zip(self.stride, self.patch, strict=True)):
            raise InputError(f"the stride {self.stride} must lie between 1 and the patch {self.patch} on every axis")
        if self.blend not in BLENDS:
            there = " and ".join(BLENDS)
            raise InputError(f"there is no blend {self.blend!r}{suggestion(self.blend, BLENDS)}; choose from {there}")
        if self.batch < 1:
            raise InputError(f"the number of windows predicted at once must be at least 1, received {self.batch}")

    @classmethod
    def overlapping(cls, patch: Shape, overlap: float = 0.5, blend: Blend = "gaussian") -> Self:
        """Windows that share a fraction of their length with the next one."""
        if not 0 <= overlap < 1:
            raise InputError(f"the overlap of windows must be at least 0 and below 1, received {overlap}")
        x, y, z = (max(int(size * (1 - overlap)), 1) for size in patch)
        return cls(patch, (x, y, z), blend)


def starts(size: int, patch: int, stride: int) -> list[int]:
    """Where windows begin along an axis: every ``stride`` voxels, the last one moved back to end with the scan."""
    last = max(size - patch, 0)
    return [min(stride * i, last) for i in range(-(-last // stride) + 1)]


def importance(patch: Shape, blend: Blend) -> Tensor:
    """The weight of each voxel of a window, (x, y, z) float32, at most 1: highest at its center, or equal."""
    if blend == "uniform":
        return torch.ones(patch)
    bells = []
    for size in patch:
        position = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
        bells.append(torch.exp(-0.5 * (position / (SIGMA * size)) ** 2))
    return torch.einsum("i,j,k->ijk", *bells).clamp_min(FLOOR).float()


def slide(predict: Predict, image: np.ndarray, window: Window, fill: float | Sequence[float] = 0.0) -> Iterator[Tensor]:
    """Predict a scan, handing on finished slabs of probabilities in order of x.

    (C, X, Y, Z) array of any float type, also memory-mapped -> tensors (K, dx, Y, Z) float32 whose dx add up to X. A
    scan smaller than the patch is padded on both sides with ``fill`` (one number, or one a channel), and cropped back.
    """
    padded, low = _pad(image, window.patch, fill)
    x, y, z = (slice(begin, begin + size) for begin, size in zip(low, image.shape[1:], strict=True))
    # If x was padded, there is one slab and the crop is exact; if not, x covers every slab from its first plane.
    for slab in _slabs(predict, padded, window):
        yield slab[:, x, y, z]


def whole(predict: Predict, image: np.ndarray, window: Window, fill: float | Sequence[float] = 0.0) -> Tensor:
    """The slabs of ``slide`` joined: (C, X, Y, Z) -> (K, X, Y, Z); for scans of which this fits into memory."""
    return torch.cat(list(slide(predict, image, window, fill)), dim=1)


def _slabs(predict: Predict, image: np.ndarray, window: Window) -> Iterator[Tensor]:
    """``slide`` for an image that is nowhere smaller than the patch."""
    xs, ys, zs = (starts(*sizes) for sizes in zip(image.shape[1:], window.patch, window.stride, strict=True))
    places = list(product(ys, zs))
    slab = _Slab(window, image.shape[2:])
    for x, following in zip(xs, [*xs[1:], image.shape[1]], strict=True):
        for first in range(0, len(places), window.batch):
            group = places[first : first + window.batch]
            slab.add(_predicted(predict, _cut(image, x, group, window.patch), window), group)
        yield slab.release(following - x)


@torch.inference_mode()
def _predicted(predict: Predict, windows: Tensor, window: Window) -> Tensor:
    """(B, C, x, y, z) -> probabilities (B, K, x, y, z) float32."""
    memory = torch.channels_last_3d if window.channels_last else torch.contiguous_format
    probabilities = predict(windows.to(window.device).contiguous(memory_format=memory))
    if probabilities.ndim != 5 or tuple(probabilities.shape[2:]) != tuple(window.patch):
        raise ValueError(f"predict must keep the patch {window.patch}; it returned {tuple(probabilities.shape)}")
    return probabilities.float()


class _Slab:
    """The planes that windows still add to: a weighted sum of probabilities, and the sum of the weights."""

    def __init__(self, window: Window, cross_section: Sequence[int]) -> None:
        self.patch, self.device = window.patch, window.device
        self.importance = importance(window.patch, window.blend)
        self.weight = torch.zeros(window.patch[0], *cross_section)  # (x, Y, Z)
        self.total: Tensor | None = None  # (K, x, Y, Z), once K is known

    def add(self, probabilities: Tensor, places: list[tuple[int, int]]) -> None:
        """Add windows (B, K, x, y, z) that begin at (y, z) in this slab."""
        if self.total is None:
            self._settle(probabilities.shape[1])
        assert self.total is not None
        weighted = (probabilities * self.importance.to(probabilities.device)).to(self.total.device)
        for values, (y, z) in zip(weighted, places, strict=True):
            region = (slice(y, y + self.patch[1]), slice(z, z + self.patch[2]))
            self.total[:, :, *region] += values
            self.weight[:, *region] += self.importance

    def release(self, planes: int) -> Tensor:
        """The averages of the first planes, (K, planes, Y, Z); the slab moves on by as many."""
        assert self.total is not None
        done = self.total[:, :planes] / self.weight[:planes]
        for values in (self.total, self.weight[None]):
            kept = values.shape[1] - planes
            values[:, :kept] = values[:, planes:].clone()
            values[:, kept:] = 0
        return done

    def _settle(self, classes: int) -> None:
        """Choose where the slab lives: with the network, unless it would take too much of a GPU's memory."""
        home = self.device
        if home.type == "cuda":
            free, _ = torch.cuda.mem_get_info(home)
            # sum, released planes and weights together take at most about 3 times the sum
            if 3 * 4 * classes * self.weight.numel() > SHARE * free:
                home = torch.device("cpu")
        self.total = torch.zeros(classes, *self.weight.shape, device=home)
        self.weight, self.importance = self.weight.to(home), self.importance.to(home)


def _cut(image: np.ndarray, x: int, places: list[tuple[int, int]], patch: Shape) -> Tensor:
    """The windows that begin at x and at each (y, z): (C, X, Y, Z) -> (B, C, x, y, z) float32, a copy."""
    px, py, pz = patch
    windows = [image[:, x : x + px, y : y + py, z : z + pz] for y, z in places]
    return torch.from_numpy(np.stack(windows).astype(np.float32, copy=False))


def _pad(image: np.ndarray, patch: Shape, fill: float | Sequence[float]) -> tuple[np.ndarray, Shape]:
    """The image grown to the patch where it is smaller, and how many voxels were put before it on each axis."""
    missing = [max(wanted - size, 0) for wanted, size in zip(patch, image.shape[1:], strict=True)]
    x, y, z = (voxels // 2 for voxels in missing)
    if not any(missing):
        return image, (x, y, z)
    shape = [size + voxels for size, voxels in zip(image.shape[1:], missing, strict=True)]
    values = np.broadcast_to(np.asarray(fill, dtype=image.dtype), len(image))
    padded = np.broadcast_to(values[:, None, None, None], (len(image), *shape)).copy()
    _, sx, sy, sz = image.shape
    padded[:, x : x + sx, y : y + sy, z : z + sz] = image
    return padded, (x, y, z)
