"""Weights, patches and random numbers that are made up by a rule, so that two programs can make up the same.

The rule is NumPy's legacy generator, whose streams never change. With these the numbers of ``gold.json`` were computed
from the authors' codes; see ``test_gold``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.geometry import Shape
from semivox.methods.method import Method

PATCH: Shape = (32, 16, 16)


def uniform(seed: int, shape: tuple[int, ...]) -> Tensor:
    """Numbers in -1..1, float64."""
    return torch.from_numpy(np.random.RandomState(seed).uniform(-1, 1, shape))


@torch.no_grad()
def fill(module: nn.Module, seed: int = 1000) -> None:
    """Give parameter i the numbers of seed + i, as wide as keeps a ReLU network's features at one size."""
    for index, parameter in enumerate(module.parameters()):
        numbers = uniform(seed + index, tuple(parameter.shape))
        scaled = numbers * math.sqrt(6 / parameter[0].numel()) if parameter.dim() > 1 else 0.2 * numbers
        parameter.copy_(scaled)
    for norm in module.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm | nn.LayerNorm) and norm.weight is not None:
            norm.weight.add_(1)


def undisturbed(module: nn.Module) -> nn.Module:
    """The module without dropout, whose draws two programs do not share, in float64."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            layer.p = 0.0
        if isinstance(layer, nn.MultiheadAttention):
            layer.dropout = 0.0
    return module.double()


def patches() -> tuple[Tensor, Tensor]:
    """Images (4, 1, X, Y, Z) and labels (4, X, Y, Z): noisy ellipsoids."""
    axes = [torch.linspace(-1, 1, n, dtype=torch.float64) for n in PATCH]
    x, y, z = torch.meshgrid(*axes, indexing="ij")
    labels = []
    for index in range(4):
        a, b, c = uniform(10 + index, (3,)) * 0.2
        radius = ((x - a) / 0.5).square() + ((y - b) / 0.6).square() + ((z - c) / 0.7).square()
        labels.append((radius < 1).long())
    label = torch.stack(labels)
    image = label[:, None] + uniform(20, (4, 1, *PATCH))
    return image, label


def batch_for(method: Method) -> Batch:
    """The patches as the method's batch: two labeled, two unlabeled."""
    image, label = patches()
    targets = {
        name: torch.stack(
            [torch.from_numpy(make(part.numpy().astype(np.uint8), (1.0, 1.0, 1.0), 2)) for part in label[:2]]
        )
        for name, make in method.targets.items()
    }
    return Batch(image, label[:2], ("a", "b", "c", "d"), {name: value.double() for name, value in targets.items()})


def in_float64(patch: pytest.MonkeyPatch) -> None:
    """Let ``Tensor.float`` be exact, and random tensors be made up by call."""
    patch.setattr(torch.Tensor, "float", torch.Tensor.double)
    patch.setattr(torch, "randn_like", counted(lambda seed, shape: 1.5 * uniform(500 + seed, shape)))
    patch.setattr(torch, "rand_like", counted(lambda seed, shape: 0.5 + 0.5 * uniform(700 + seed, shape)))


def counted(make: Callable[[int, tuple[int, ...]], Tensor]) -> Callable[..., Tensor]:
    """A stand-in for a random function: its n-th call gives the n-th numbers."""
    calls = iter(range(1000))

    def stand_in(like: Tensor, **_: object) -> Tensor:
        return make(next(calls), tuple(like.shape))

    return stand_in
