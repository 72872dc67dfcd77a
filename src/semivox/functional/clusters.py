"""Voxels and the cluster centers ("queries") they belong to: hard sums, groups of queries, losses on groups.

Legend: B patches, N queries in G groups, V voxels (any spatial shape), C channels. All in float32. The queries of a
group stand side by side: the first ``sizes[0]`` belong to group 0, and so on.

Hard assignment: Yu et al., "k-means mask transformer", ECCV 2022, arXiv:2207.04044. Groups: Yuan et al., "Devil is in
the queries", CVPR 2023, arXiv:2304.00212.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from semivox.core.case import IGNORE
from semivox.functional.classes import most_probable


def assigned_sums(values: Tensor, logits: Tensor) -> Tensor:
    """Sum what the voxels of each cluster hold: values (B, C, V) and logits (B, N, V) -> (B, C, N).

    A voxel belongs to the query with the largest logit, the first of equals; a query without voxels gets 0. Gradient
    goes to the values of all voxels, none to the logits. Rows are added one by one, O(V C), where a product with the
    one-hot assignment is O(V C N) and holds N V numbers.
    """
    batch, channels, _ = values.shape
    queries = logits.shape[1]
    nearest = most_probable(logits)  # (B, V)
    nearest = nearest + queries * torch.arange(batch, device=nearest.device).unsqueeze(1)
    rows = values.float().transpose(1, 2).flatten(0, 1)  # (B V, C)
    sums = rows.new_zeros(batch * queries, channels).index_add(0, nearest.flatten(), rows)
    return sums.unflatten(0, (batch, queries)).transpose(1, 2)


def group_log_probabilities(logits: Tensor, sizes: Sequence[int]) -> Tensor:
    """ln of the probability that a voxel belongs to any query of a group: (B, N, ...) -> (B, G, ...).

    The log-sum-exp over all queries is that of the groups' own, so that each logit is read once.
    """
    each = torch.stack([part.logsumexp(1) for part in logits.float().split(list(sizes), 1)], dim=1)
    return each - each.logsumexp(1, keepdim=True)


def group_shares(label: Tensor, group_of: Sequence[int], groups: int, size: Sequence[int]) -> Tensor:
    """How much of each coarser voxel belongs to each group: (B, X, Y, Z) class indices -> (B, groups, *size).

    ``group_of[c]`` is the group of class c. Voxels marked IGNORE belong to none. ``size`` must divide X, Y, Z.
    """
    table = torch.full((IGNORE + 1,), groups, dtype=torch.int64, device=label.device)
    table[: len(group_of)] = torch.tensor(group_of, device=label.device)
    shares = torch.stack([(table[label] == group).float() for group in range(groups)], dim=1)  # (B, G, X, Y, Z)
    window = [full // coarse for full, coarse in zip(label.shape[1:], size, strict=True)]
    return F.avg_pool3d(shares, window) if max(window) > 1 else shares


def group_loss(log_probabilities: Tensor, shares: Tensor) -> Tensor:
    """Mean of -ln of the probability of the right group: (B, G, ...) twice -> scalar, 0 if nothing is known."""
    return -(log_probabilities * shares).sum() / shares.sum().clamp_min(1e-6)
