"""Brings probabilities from the plan's grid to the scan's own, slab by slab.

Probabilities are interpolated, labels are not: an interpolated label has steps, and a thin class drawn between two
others. Both grids share their field of view, as in ``data.resampling``: the center of new voxel j lies at
``(j + 1/2) * old / new - 1/2`` old voxels. Where an axis shrinks, the kernel widens by the same factor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.geometry import Shape

PLANES = 16
"""Planes made at once: more costs memory, fewer costs calls."""


def regrid(slabs: Iterable[Tensor], old: Shape, new: Shape) -> Iterator[Tensor]:
    """Trilinear interpolation of a stream.

    Tensors (K, dx, Y, Z) of an array of shape ``old``, in order of x -> tensors (K, dx', Y', Z') of one of shape
    ``new``, in order of x. Sums over K are kept. Equal shapes pass untouched.
    """
    if tuple(old) == tuple(new):
        yield from slabs
        return
    weights = _weights(old[0], new[0])
    used = weights != 0
    first, last = used.argmax(1), old[0] - 1 - used[:, ::-1].argmax(1)  # old planes that each new plane is made of
    held, begin, made = None, 0, 0
    for slab in slabs:
        held = slab if held is None else torch.cat((held, slab), dim=1)
        end = begin + held.shape[1]
        ready = int(np.searchsorted(last, end))
        while made < ready:
            stop = min(made + PLANES, ready)
            planes = slice(first[made], last[stop - 1] + 1)
            mix = torch.from_numpy(weights[made:stop, planes]).to(held.device)
            source = held[:, planes.start - begin : planes.stop - begin]
            yield _across(torch.einsum("ns,ksyz->knyz", mix, source), new)
            made = stop
        keep = first[made] if made < new[0] else end
        held, begin = held[:, max(keep - begin, 0) :], max(keep, begin)


def _across(planes: Tensor, new: Shape) -> Tensor:
    """Planes (K, n, Y, Z) -> (K, n, Y', Z')."""
    if tuple(planes.shape[2:]) == tuple(new[1:]):
        return planes
    shrinks = any(wanted < size for wanted, size in zip(new[1:], planes.shape[2:], strict=True))
    return F.interpolate(planes, size=new[1:], mode="bilinear", align_corners=False, antialias=shrinks)


def _weights(old: int, new: int) -> np.ndarray:
    """(new, old) float32: how much each old plane contributes to each new one. Beyond the ends, the end is repeated."""
    scale = old / new
    width = max(scale, 1.0)
    center = np.clip((np.arange(new) + 0.5) * scale - 0.5, 0, old - 1)
    weight = np.maximum(1 - np.abs(np.arange(old) - center[:, None]) / width, 0)
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
