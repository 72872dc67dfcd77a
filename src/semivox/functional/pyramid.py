"""Pyramid consistency: predictions at several scales agree with their mean, where they nearly do above all.

Luo et al., MICCAI 2021, arXiv:2012.07042, and Medical Image Analysis 80 (2022) 102517.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from semivox.functional.losses import squared_difference


def pyramid_consistency(
    logits: Sequence[Tensor], detach_mean: bool = False, detach_weights: bool = False, uncertainty: float = 1.0
) -> Tensor:
    """Logits (B, K, X, Y, Z) of S scales, all at full size -> a scalar; 0 where all agree.

    With m the mean of the softmax probabilities p_s: the uncertainty ``D_s = KL(m || p_s)`` of a voxel, nothing to do
    with that of passes, gives it the weight ``exp(-D_s)``. The loss of a scale is the weighted mean of the squared
    difference of p_s to m, plus ``uncertainty`` times the mean of D_s; the result is the mean over scales. Gradients go
    through mean and weights unless these are detached. Logarithms are taken of logits, so no probability of 0 hurts.
    """
    logs = [z.float().log_softmax(1) for z in logits]
    log_mean = torch.stack(logs).logsumexp(0) - math.log(len(logs))
    log_mean = log_mean.detach() if detach_mean else log_mean
    mean = log_mean.exp()  # (B, K, X, Y, Z)
    mean_log_mean = (mean * log_mean).sum(1)  # (B, X, Y, Z), the same for all scales
    scales = []
    for log_p in logs:
        divergence = mean_log_mean - (mean * log_p).sum(1)  # (B, X, Y, Z)
        weight = (-divergence).exp()
        weight = weight.detach() if detach_weights else weight
        rectified = (squared_difference(mean, log_p.exp()) * weight).mean() / (weight.mean() + 1e-8)
        scales.append(rectified + uncertainty * divergence.mean() if uncertainty else rectified)
    return torch.stack(scales).mean()
