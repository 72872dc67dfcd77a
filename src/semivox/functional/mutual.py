"""What views of the same voxels, or networks that see them, teach each other.

Mutual consistency: each of several views of the same voxels agrees with what each other view says, sharpened.

Wu et al., MICCAI 2021, arXiv:2103.02911 (two views), and Medical Image Analysis 81 (2022), arXiv:2109.09960 (several).
Confident answers, divergence and entropy: Liu et al., IEEE TMI 2024, arXiv:2203.14523.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.functional.losses import masked_mean


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


def confident_cross_entropy(logits: Tensor, target: Tensor, sure: float, unsure: float) -> tuple[Tensor, Tensor]:
    """Logits of pupil and teacher (U, K, X, Y, Z) -> a loss for what voxels surely are, and for what they are not.

    Of voxels whose largest probability is ``sure`` or more, the mean of that times the cross-entropy to its class; of
    voxels whose smallest is below ``unsure``, the mean of that times -ln(1 - p) of its class. 0 where there is none.
    """
    probability = target.float().softmax(1)
    largest, smallest = probability.max(1), probability.min(1)
    known = -logits.float().log_softmax(1).gather(1, largest.indices.unsqueeze(1)).squeeze(1)
    excluded = logits.float().softmax(1).gather(1, smallest.indices.unsqueeze(1)).squeeze(1)
    other = -(1 - excluded).clamp_min(1e-6).log()
    return (
        masked_mean(largest.values * known, largest.values >= sure),
        masked_mean(smallest.values * other, smallest.values < unsure),
    )


def divergence(one: Tensor, other: Tensor) -> Tensor:
    """Log-probabilities (B, K, X, Y, Z) twice -> the mean over voxels of the KL divergence of the second to the first;
    both move."""
    return F.kl_div(one, other, reduction="none", log_target=True).sum(1).mean()


def negative_entropy(log_probabilities: Tensor) -> Tensor:
    """(B, K, X, Y, Z) -> the mean over voxels of sum p ln p."""
    return (log_probabilities.exp() * log_probabilities).sum(1).mean()
