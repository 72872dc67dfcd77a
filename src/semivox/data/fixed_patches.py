"""Fixed patches cut out of scans, to be cases of their own: drawn at random places with little overlap.

Xie et al., MIDL 2024 (arXiv:2407.04638) train, validate and test on such patches. Patches of a scan stay together: they
share its patient as their group.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from semivox.core.case import Volume
from semivox.core.frozen import Frozen
from semivox.core.geometry import Grid, Shape, Spacing
from semivox.core.plan import Edge, Millimeters
from semivox.core.randomness import generator
from semivox.data.prepared.resampling import resample, resample_label, target_shape, target_spacing

TRIES = 60
"""Places tried for each patch that is wanted."""


class PatchChoice(Frozen):
    """How patches are cut."""

    size: tuple[Edge, Edge, Edge] = (96, 96, 96)
    """Voxels; a scan smaller than that along an axis gives all it has."""
    spacing: tuple[Millimeters, Millimeters, Millimeters] | None = (1.0, 1.0, 1.0)
    """mm to which scans are resampled first; None: each scan's own."""
    per_scan: int = Field(18, ge=1, le=100_000)
    """At most so many patches of each scan. 18 is about what the paper has: 6266 of 350 scans."""
    overlap: float = Field(0.25, ge=0, le=1)
    """Two patches of a scan share at most this part of their voxels."""
    foreground: float = Field(0.01, ge=0, le=1)
    """Least part of a patch that is labeled, where the scan has a label."""
    seed: int = Field(1, ge=0, lt=2**63)


@dataclass(frozen=True)
class Patch:
    """One patch: its first voxel, and its extent."""

    corner: Shape
    size: Shape

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """Its voxels within the scan."""
        x, y, z = (slice(start, start + n) for start, n in zip(self.corner, self.size, strict=True))
        return x, y, z


def brought_to(volume: Volume, spacing: Spacing | None, label: bool) -> Volume:
    """A scan, or a label, on a grid of another voxel size over the same field of view; RAS+ orientation."""
    if spacing is None:
        return Volume(volume.array, volume.grid, volume.grid)
    shape = target_shape(volume.shape, volume.spacing, spacing)
    if shape == volume.shape:
        return Volume(volume.array, volume.grid, volume.grid)
    new = target_spacing(volume.shape, volume.spacing, shape)
    if label:
        values, index = np.unique(volume.array[0], return_inverse=True)
        small = resample_label(index.reshape(volume.shape).astype(np.uint8), shape)
        array = values[small][None]
    else:
        array = resample(volume.array, shape)
    affine = volume.grid.affine.copy()
    scale = np.array(new) / volume.spacing
    affine[:3, 3] += affine[:3, :3] @ ((scale - 1) / 2)  # the outer edge of the first voxel stays where it is
    affine[:3, :3] = affine[:3, :3] * scale
    grid = Grid(shape, affine)
    return Volume(array, grid, grid)


def places(name: str, shape: Shape, choice: PatchChoice, label: np.ndarray | None) -> list[Patch]:
    """Where the patches of a scan lie: a function of the scan's name, its shape and label, and the seed.

    ``label``: (X, Y, Z), not 0 where a class is drawn, or None. A scan may give fewer patches than asked for, where no
    further place fits.
    """
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")
    random = generator(choice.seed, key)
    size = _least(choice.size, shape)
    highest = np.array(shape) - np.array(size)
    found: list[Patch] = []
    for _ in range(TRIES * choice.per_scan):
        if len(found) == choice.per_scan:
            break
        x, y, z = (int(n) for n in random.integers(0, highest + 1))
        patch = Patch((x, y, z), size)
        if any(shared(patch, other) > choice.overlap for other in found):
            continue
        if label is not None and np.count_nonzero(label[patch.box]) < choice.foreground * np.prod(size):
            continue
        found.append(patch)
    return found


def shared(a: Patch, b: Patch) -> float:
    """The part of a patch's voxels that another of the same size shares."""
    overlap = [max(n - abs(p - q), 0) for p, q, n in zip(a.corner, b.corner, a.size, strict=True)]
    return float(np.prod(overlap) / np.prod(a.size))


def cut(volume: Volume, patch: Patch) -> Volume:
    """The patch of a scan, standing where it stood: (C, *size)."""
    affine = volume.grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array(patch.corner)
    grid = Grid(patch.size, affine)
    array = np.ascontiguousarray(volume.array[(slice(None), *patch.box)])
    return Volume(array, grid, grid)


def _least(size: Shape, shape: Shape) -> Shape:
    x, y, z = (min(a, b) for a, b in zip(size, shape, strict=True))
    return x, y, z
