"""Mutual consistency: each of several views of the same voxels agrees with what each other view says, sharpened.

Wu et al., MICCAI 2021, arXiv:2103.02911 (two views), and Medical Image Analysis 81 (2022), arXiv:2109.09960 (several).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import torch
from torch import Tensor
from torch.nn import functional as F


def mutual_consistency(views: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Probabilities (B, K, X, Y, Z) of n views, and what each offers the others as target -> a scalar.

    The sum over the n (n - 1) ordered pairs of the mean squared difference between one view and another's target. For
    two classes the second channel suffices (exact, since both differ by the same amount). Pairs are not expanded into
    sums of squares: that saves nothing here, and cancels in float32 where views agree.
    """
    if views[0].shape[1] == 2:
        views, targets = [view[:, 1] for view in views], [target[:, 1] for target in targets]
    pairs = permutations(range(len(views)), 2)
    return torch.stack([F.mse_loss(views[i], targets[j]) for i, j in pairs]).sum()
