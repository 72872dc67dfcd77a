"""Perturbations of the network's input."""

from __future__ import annotations

import torch
from torch import Tensor


def noisy(image: Tensor, std: float, clip: float | None = None) -> Tensor:
    """Add fresh Gaussian noise of standard deviation ``std``, clipped to +-``clip`` where given; any shape.

    In units of the normalized image. A ``std`` of 0 returns the image itself.
    """
    if std == 0:
        return image
    noise = torch.randn_like(image).mul_(std)
    return image + (noise if clip is None else noise.clamp_(-clip, clip))
