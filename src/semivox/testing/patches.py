"""Tiny networks and invented patches: small enough for milliseconds, odd enough to find mix-ups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from semivox.core.batch import Batch
from semivox.core.geometry import Shape, Spacing
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint, architecture

ODD: Shape = (8, 16, 24)
"""A patch with three different edges."""
SPACING: Spacing = (2.0, 1.0, 0.8)
"""Anisotropic, in mm."""
STRIDES = ((1, 2, 2), (2, 2, 2))
"""Anisotropic strides that fit ODD."""


def blueprint(name: str = "vnet", channels: int = 1, classes: int = 2, **options: Any) -> Blueprint:
    """A network of a few hundred parameters."""
    strides = options.get("strides", ((2, 2, 2),))
    tiny: dict[str, Any] = {"width": 3, "strides": strides}
    if name == "vnet":
        tiny["convolutions"] = (1,) * (len(strides) + 1)
    return Blueprint(architecture(name, tiny | options), channels, classes)


def odd_blueprint(name: str = "vnet", **options: Any) -> Blueprint:
    """Two channels, three classes, anisotropic strides."""
    return blueprint(name, channels=2, classes=3, strides=STRIDES, **options)


def balls(shape: Shape, classes: int, seed: int = 0) -> np.ndarray:
    """(X, Y, Z) uint8: background, and one ball per further class, side by side along the last axis."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    label = np.zeros(shape, np.uint8)
    room = shape[2] / (classes - 1)
    radius = min(shape[0], shape[1], room) / 2.8
    for index in range(1, classes):
        center = np.array([shape[0] / 2, shape[1] / 2, room * (index - 0.5)]) + rng.uniform(-1, 1, 3)
        label[np.linalg.norm(places - center, axis=-1) <= radius] = index
    return label


def batch(  # noqa: PLR0913 - a patch has many sides
    method: type[Method],
    labeled: int = 2,
    unlabeled: int = 2,
    shape: Shape = (8, 8, 8),
    channels: int = 1,
    classes: int = 2,
    *,
    seed: int = 0,
    labels: Sequence[np.ndarray] | None = None,
) -> Batch:
    """Balls under noise: image (labeled + unlabeled, channels, X, Y, Z), and what the method derives from labels.

    ``labels``: (X, Y, Z) uint8 of every patch, unlabeled ones too, instead of balls.
    """
    total = labeled + unlabeled
    drawn = [balls(shape, classes, seed * 100 + i) for i in range(total)] if labels is None else list(labels)
    noise = np.random.default_rng(seed).normal(0, 0.3, (total, channels, *shape))
    sign = np.array([1.0, -1.0, 0.5])[:channels].reshape(1, channels, 1, 1, 1)
    image = np.stack(drawn)[:, None] * sign + noise
    derived = {
        name: torch.stack([torch.from_numpy(np.asarray(f(part, SPACING, classes))) for part in drawn[:labeled]])
        for name, f in method.targets.items()
    }
    label = torch.from_numpy(np.stack(drawn[:labeled]).astype(np.int64))
    return Batch(torch.from_numpy(image).float(), label, tuple(f"case{i}" for i in range(total)), derived)


def odd_batch(method: type[Method], labeled: int = 2, unlabeled: int = 2, seed: int = 0) -> Batch:
    """Fits ``odd_blueprint``."""
    return batch(method, labeled, unlabeled, ODD, channels=2, classes=3, seed=seed)
