"""Weights of a convolution for one of other channels, or of another stride: as nearly the same answer as can be."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def fitted(weights: Tensor, shape: Sequence[int], layer: nn.Module) -> Tensor:
    """The weights in the shape that the layer has, where that can be; else as they are.

    From one image channel to several: repeated and divided by their number, so that an image in all of them gives the
    answer that it gave in one. A kernel two voxels long along an axis that the layer does not halve: the sum of both,
    or their mean where the layer up-samples, so that what does not change along that axis gives the answer it gave.
    """
    if weights.dim() != 5 or len(shape) != 5:
        return weights
    up = isinstance(layer, nn.ConvTranspose3d)
    for axis in (2, 3, 4):
        if weights.shape[axis] == 2 and shape[axis] == 1:
            weights = weights.mean(axis, keepdim=True) if up else weights.sum(axis, keepdim=True)
    if not up and weights.shape[1] == 1 and shape[1] > 1:
        weights = weights.repeat_interleave(shape[1], 1) / shape[1]
    return weights
