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


def noisy_some(image: Tensor, deviations: tuple[float, float], share: float) -> Tensor:
    """Gaussian noise, clipped at twice its standard deviation, on a ``share`` of the patches (B, C, X, Y, Z).

    Each patch draws its deviation between the two given, in units of the normalized image.
    """
    low, high = deviations
    one = (len(image), 1, 1, 1, 1)
    deviation = torch.rand(one, device=image.device) * (high - low) + low
    chosen = torch.rand(one, device=image.device) < share
    return image + torch.randn_like(image).clamp_(-2, 2) * (deviation * chosen)


def jittered(image: Tensor, amount: float, share: float) -> Tensor:
    """Brightness and contrast of a ``share`` of the patches (B, C, X, Y, Z) change, as torchvision's ColorJitter does.

    Each channel is scaled to 0..1, multiplied by a factor in 1 - ``amount`` to 1 + ``amount``, spread about its mean by
    another, clipped to 0..1, and scaled back.
    """
    low, span = value_range(image)
    one = (len(image), 1, 1, 1, 1)
    brightness, contrast = 1 + amount * (2 * torch.rand((2, *one), device=image.device) - 1)
    scaled = (image - low) / span * brightness
    mean = scaled.mean((2, 3, 4), keepdim=True)
    changed = ((scaled - mean) * contrast + mean).clamp(0, 1) * span + low
    return torch.where(torch.rand(one, device=image.device) < share, changed, image)


def value_range(image: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, X, Y, Z) -> smallest value, and largest minus smallest, of each channel of each patch, (B, C, 1, 1, 1).

    A constant channel has a range of 1e-6, by which one can divide.
    """
    low, high = image.amin((2, 3, 4), keepdim=True), image.amax((2, 3, 4), keepdim=True)
    return low, (high - low).clamp_min(1e-6)
