"""Supervised contrast: what has the same label should have the same direction, in whatever image it is shown.

Khosla et al., "Supervised contrastive learning", NeurIPS 2020, arXiv:2004.11362 (their L_out, equation 2).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def label_contrast(rows: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """(B, n, D) directions and (B, n) their labels -> scalar, float32 also under autocast.

    For each row the mean of -ln softmax over the rows of its label, among all rows of its patch but itself; cosines,
    divided by the temperature. Mean over the rows that have a partner, then over the patches that have such rows; 0
    where none has.
    """
    with torch.autocast(rows.device.type, enabled=False):
        rows = F.normalize(rows.float(), dim=2)
        likely = rows @ rows.transpose(1, 2) / temperature  # (B, n, n)
        itself = torch.eye(rows.shape[1], dtype=torch.bool, device=rows.device)
        logs = likely.masked_fill(itself, -math.inf).log_softmax(2)
        partners = (labels.unsqueeze(1) == labels.unsqueeze(2)) & ~itself
        number = partners.sum(2)  # (B, n)
        losses = -logs.masked_fill(~partners, 0.0).sum(2) / number.clamp_min(1)
        some = number > 0
        each = losses.sum(1) / some.sum(1).clamp_min(1)  # (B,); rows without a partner add 0
        return each.sum() / some.any(1).sum().clamp_min(1)


def drawn_evenly(labels: Tensor, number: int) -> Tensor:
    """(B, V) -> (B, n): places of ``number`` voxels, or all where there are fewer, each once, and each label as likely.

    Drawn by torch's own generator.
    """
    counts = torch.zeros(len(labels), int(labels.max()) + 1, device=labels.device)
    counts.scatter_add_(1, labels, torch.ones_like(labels, dtype=counts.dtype))
    return torch.multinomial(1 / counts.gather(1, labels), min(number, labels.shape[1]))
