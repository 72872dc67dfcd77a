"""Small masks, labels and probabilities."""

from __future__ import annotations

import numpy as np
import torch


def volume(*rows: list[float]) -> torch.Tensor:
    """Probabilities of each class at V voxels -> (1, K, 1, 1, V)."""
    return torch.tensor(rows)[None, :, None, None]


def labels(*classes: int) -> torch.Tensor:
    return torch.tensor(classes)[None, None, None]


ONE = (1.0, 1.0, 1.0)


def cube(edge: int, room: int) -> np.ndarray:
    mask = np.zeros((room,) * 3, bool)
    start = (room - edge) // 2
    mask[(slice(start, start + edge),) * 3] = True
    return mask
