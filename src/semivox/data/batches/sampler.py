"""Which scan, and where in it, each patch of a training step comes from.

Nothing here has a state: the patches of step ``t`` are a function of (seed, t, rank). A run is resumed by starting
at a later step, and two methods with the same seed see the same labeled patches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from semivox.core.errors import InputError
from semivox.core.geometry import Shape
from semivox.core.randomness import derive, generator

LABELED, UNLABELED = 0, 1
"""The two streams of patches; they share no random numbers, so that neither changes when the other is left out."""

Foreground = Mapping[int, np.ndarray]
"""Class index -> (n, 3) voxel positions: a sample of the voxels of each foreground class of one scan."""


@dataclass(frozen=True)
class Draw:
    """One patch: which scan, where, and the seed that its augmentation is drawn from."""

    case: int
    """Index into the cases of the stream."""
    corner: Shape
    """The patch's first voxel; negative along axes that are smaller than the patch, which is then centered."""
    seed: int


@dataclass(frozen=True)
class PatchSampler:
    """One stream of patches: each case once before any twice, over all processes together."""

    shapes: tuple[Shape, ...]
    """Of every case of the stream, in voxels."""
    patch: Shape
    per_step: int
    """Patches a step in each process."""
    stream: int
    """``LABELED`` or ``UNLABELED``."""
    foreground: Callable[[int], Foreground] | None = None
    """Case index -> voxels of its classes; None: positions are uniform."""
    probability: float = 0.0
    """That a patch is placed on a foreground voxel instead of anywhere."""
    last_corner: bool = True
    """Whether the last of all positions along an axis is among those drawn uniformly."""

    def __post_init__(self) -> None:
        if self.per_step > 0 and not self.shapes:
            kind = "labeled" if self.stream == LABELED else "unlabeled"
            raise InputError(
                f"each step asks for {self.per_step} {kind} patches, but the split has no {kind} scan; "
                f"add {kind} scans, or choose a method that needs none"
            )

    def __call__(self, seed: int, step: int, rank: int = 0, world: int = 1) -> tuple[Draw, ...]:
        """The ``per_step`` patches that process ``rank`` of ``world`` trains on at a step."""
        return tuple(self.draw(seed, step, index, rank, world) for index in range(self.per_step))

    def draw(self, seed: int, step: int, index: int, rank: int = 0, world: int = 1) -> Draw:
        """The one at place ``index`` of the step's."""
        case, position = self.case(seed, step, index, rank, world), self._position(step, index, rank, world)
        patch_seed = derive(seed, self.stream, position)
        return Draw(case, self._corner(case, generator(patch_seed, 0)), patch_seed)

    def case(self, seed: int, step: int, index: int, rank: int = 0, world: int = 1) -> int:
        """Which case it comes from; opens no file."""
        epoch, place = divmod(self._position(step, index, rank, world), len(self.shapes))
        return int(generator(seed, self.stream, epoch).permutation(len(self.shapes))[place])

    def _position(self, step: int, index: int, rank: int, world: int) -> int:
        """The patch's number among all of the run."""
        return (step * world + rank) * self.per_step + index

    def _corner(self, case: int, random: np.random.Generator) -> Shape:
        lowest, highest = valid_corners(self.shapes[case], self.patch)
        if self.foreground is not None and random.random() < self.probability:
            voxels = self.foreground(case)
            if voxels:
                return self._on_foreground(voxels, lowest, highest, random)
        x, y, z = random.integers(lowest, highest + 1 if self.last_corner else np.maximum(highest, lowest + 1))
        return int(x), int(y), int(z)

    def _on_foreground(
        self, voxels: Foreground, lowest: np.ndarray, highest: np.ndarray, random: np.random.Generator
    ) -> Shape:
        """A corner that puts a random voxel of a random class into the middle half of the patch, if borders allow."""
        of_class = voxels[sorted(voxels)[random.integers(len(voxels))]]
        voxel = of_class[random.integers(len(of_class))]
        patch = np.array(self.patch)
        within = random.integers(patch // 4, np.maximum(-(-3 * patch // 4), patch // 4 + 1))
        x, y, z = np.clip(voxel - within, lowest, highest)
        return int(x), int(y), int(z)


def valid_corners(shape: Shape, patch: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest corner, both valid, per axis (3,).

    Along an axis smaller than the patch both are the same negative number: the scan is centered, the odd voxel of
    padding at its far side.
    """
    spare = np.array(shape) - np.array(patch)
    centered = -(-spare // 2)
    return np.where(spare < 0, centered, 0), np.where(spare < 0, centered, spare)


def by_class(rows: np.ndarray | None) -> Foreground:
    """(N, 4) rows of class, x, y, z -> class -> (n, 3) positions; empty without rows."""
    if rows is None or not len(rows):
        return {}
    rows = np.asarray(rows)
    return {int(index): rows[rows[:, 0] == index, 1:] for index in np.unique(rows[:, 0])}
