"""Normalization layers as ONNX files get them: with means that onnxruntime takes exactly.

onnxruntime's own InstanceNormalization adds up all voxels of a channel in one float32 sum: of 96 x 96 x 96 voxels its
result was 4e-4 off, where torch and the layers here were 1e-6 off. At the patches of real scans that is more than a
probability may differ by.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class AxisByAxis(nn.Module):
    """Instance or group normalization of (B, C, X, Y, Z) whose means are taken over one axis after the other."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, layer: nn.InstanceNorm3d | nn.GroupNorm) -> None:
        super().__init__()
        self.groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else layer.num_features
        self.weight, self.bias, self.eps = layer.weight, layer.bias, layer.eps

    def forward(self, image: Tensor) -> Tensor:
        """See the class; the same shape."""
        grouped = image.unflatten(1, (self.groups, -1))
        apart = grouped - _mean(grouped)
        found = (apart * torch.rsqrt(_mean(apart * apart) + self.eps)).flatten(1, 2)
        if self.weight is None or self.bias is None:
            return found
        return found * self.weight.view(-1, 1, 1, 1) + self.bias.view(-1, 1, 1, 1)


def _mean(grouped: Tensor) -> Tensor:
    """(B, G, C, X, Y, Z) -> (B, G, 1, 1, 1, 1)."""
    for axis in (5, 4, 3, 2):
        grouped = grouped.mean(axis, keepdim=True)
    return grouped


@contextlib.contextmanager
def exact_norms(network: nn.Module) -> Iterator[None]:
    """The network with such layers in place of its own, as long as this lasts; weights are shared."""
    replaced = [
        (parent, name, layer)
        for parent in network.modules()
        for name, layer in parent.named_children()
        if isinstance(layer, nn.GroupNorm) or (isinstance(layer, nn.InstanceNorm3d) and not layer.track_running_stats)
    ]
    try:
        for parent, name, layer in replaced:
            setattr(parent, name, AxisByAxis(layer).eval())
        yield
    finally:
        for parent, name, layer in replaced:
            setattr(parent, name, layer)
