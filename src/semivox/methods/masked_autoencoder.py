"""Masked autoencoder: rebuild the hidden three quarters of a patch; other methods start from the network's weights.

Wald et al., "Revisiting MAE pre-training for 3D medical image segmentation", CVPR 2025, arXiv:2410.23132. Defaults: its
mask; the optimizer is that of every method here.

Departures from that code (MIC-DKFZ/nnssl): the network is the plan's, whose patches are smaller, so cubes are the
largest of at most ``cube`` voxels a side that divide the patch at least in two; patches vary by the plan's whole set,
there by position and shape alone; patches of labeled scans are placed as in every training here, half of them on a
class; thousands of steps, not 250,000, on the user's own scans.

It segments nothing: it is no method of its own, but ``semivox pretrain``, and ``--start`` of what comes after.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.geometry import Shape
from semivox.core.progress import Progress
from semivox.functional.losses import masked_mean
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint


class MaskedAutoencoderConfig(MethodConfig):
    """Numbers of the masked autoencoder."""

    hidden: float = Field(0.75, gt=0, lt=1)
    """Share of the cubes of a patch that are hidden; one at least is, and one is not."""
    cube: int = Field(16, ge=1)
    """Most voxels of a cube along each axis."""


class MaskedAutoencoder(Method):
    """Mean squared difference to the image where it was hidden."""

    Config = MaskedAutoencoderConfig
    config: MaskedAutoencoderConfig
    segments = False

    def __init__(self, config: MaskedAutoencoderConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter({"image": blueprint.channels})

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on all patches; labels are not looked at."""
        image = batch.image
        x, y, z = image.shape[2:]
        sides = cube_sides((x, y, z), self.config.cube)
        hidden = hidden_cubes(len(image), (x, y, z), sides, self.config.hidden).to(image.device)  # (B, X, Y, Z)
        rebuilt = self.network(image.masked_fill(hidden.unsqueeze(1), 0.0)).extra["image"]

        yield Losses({"reconstruction": rebuilding_error(rebuilt, image, hidden)})

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> equal probabilities (B, K, X, Y, Z): no class was learned."""
        classes = self.blueprint.classes
        return torch.full((len(image), classes, *image.shape[2:]), 1 / classes, device=image.device)


def rebuilding_error(rebuilt: Tensor, image: Tensor, hidden: Tensor) -> Tensor:
    """(B, C, X, Y, Z) twice and (B, X, Y, Z) bool -> the mean squared difference over hidden voxels and channels."""
    return masked_mean((rebuilt.float() - image).square().mean(1), hidden)


def cube_sides(patch: Shape, most: int) -> Shape:
    """The largest sides of at most so many voxels of which each axis of the patch has a whole number, two or more."""
    fitting = [[s for s in range(1, size + 1) if size % s == 0 and s <= max(1, min(most, size // 2))] for size in patch]
    x, y, z = map(max, fitting)
    return x, y, z


def hidden_cubes(number: int, patch: Shape, sides: Shape, share: float) -> Tensor:
    """(number, *patch) bool: for each patch the cubes that are hidden, a ``share`` of them, drawn anew."""
    grid = [size // side for size, side in zip(patch, sides, strict=True)]
    cubes = grid[0] * grid[1] * grid[2]
    count = min(max(round(share * cubes), 1), max(cubes - 1, 1))
    mask = torch.rand(number, cubes).argsort(1) < count
    for axis, side in enumerate(sides, 1):
        mask = (mask.view(number, *grid) if mask.ndim == 2 else mask).repeat_interleave(side, axis)
    return mask
