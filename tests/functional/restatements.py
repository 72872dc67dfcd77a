"""Losses and distances restated word by word, slowly, as oracles."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cosine_similarity


def slow_dice_ce(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Half cross-entropy, half Dice of the foreground classes, for two patches or more."""
    p, k = logits.softmax(1), logits.shape[1]
    hot = nn.functional.one_hot(label, k).movedim(-1, 1).to(p.dtype)
    ce = -(hot * p.log()).sum(1).mean()
    axes = (0, 2, 3, 4)
    dice = 1 - (2 * (p * hot).sum(axes) + 1e-5) / ((p * p).sum(axes) + (hot * hot).sum(axes) + 1e-5)
    return (ce + dice[1:].mean()) / 2


def slow_separation(rows, scores, prototypes):
    distance = 1 - cosine_similarity(rows[:, None], prototypes[None], dim=2)  # (M, P)
    weight = len(rows) * scores / scores.sum()
    return (weight[:, None] * distance).mean()


def slow_generalized_dice(probabilities, label, counted):
    top = bottom = 0.0
    for k, p in enumerate(probabilities.double()):
        true = [(float(a), int(b) == k) for a, b, c in zip(p.ravel(), label.ravel(), counted.ravel(), strict=True) if c]
        size = sum(mine for _, mine in true)
        if size:
            top += sum(a for a, mine in true if mine) / size**2
            bottom += (sum(a for a, _ in true) + size) / size**2
    return 1 - 2 * top / bottom if bottom else 0.0


def slow_depth(label: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Distance in mm from each voxel's center to the nearest center of another label."""
    depth = np.full(label.shape, np.inf)
    places = list(itertools.product(*map(range, label.shape)))
    points = np.array(places) * spacing
    flat = label.ravel()
    for index, place in enumerate(places):
        others = points[flat != flat[index]]
        if len(others):
            depth[place] = np.linalg.norm(others - points[index], axis=1).min()
    return depth
