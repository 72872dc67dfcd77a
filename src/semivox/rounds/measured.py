"""What a prediction of one scan says about labeling it: how uncertain which parts are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semivox.core.geometry import Shape
from semivox.rounds.acquisition import Box, score_maps, top_boxes

BOXES = 5
"""A whole scan counts as much as its so many most uncertain boxes together."""


@dataclass(frozen=True)
class Measured:
    """One scan of the pool, measured; of its voxels nothing is kept."""

    case: str
    patient: str
    """Scans of one patient share it; the case itself where nobody says."""
    boxes: tuple[tuple[tuple[Box, float], ...], ...]
    """By plain entropy, then for each foreground class: its most uncertain boxes that do not overlap, best first."""
    description: np.ndarray
    """``likeness.description_of``."""

    @property
    def scores(self) -> np.ndarray:
        """(K,): of the whole scan, by plain entropy, then by class."""
        return np.array([sum(mean for _, mean in found) for found in self.boxes])


def measured(
    case: str, patient: str, probabilities: np.ndarray, size: Shape, description: np.ndarray, count: int = BOXES
) -> Measured:
    """Measure a prediction, (K, X, Y, Z) probabilities on the scan's canonical grid. ``size``: of a box in voxels."""
    boxes = tuple(tuple(top_boxes(values, size, count)) for values in score_maps(probabilities))
    return Measured(case, patient, boxes, description)
