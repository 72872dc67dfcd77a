"""Losses of segmentation: means over voxels, in float32, blind to voxels marked IGNORE.

Shapes: logits (B, K, X, Y, Z); label (B, X, Y, Z) class indices; a loss is a scalar. Where a label leaves a voxel to
several classes (``partial_labels``), these are one class in every loss.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from semivox.core.case import IGNORE
from semivox.functional.partial_labels import as_one, merged_logs, merged_probabilities

Segmentation = Literal["dice_ce", "dice"]
"""Supervised losses between which methods let choose: that of all methods, or the Dice alone of many authors' codes."""
VoxelLoss = Literal["dice_ce", "ce", "bootstrapped"]
"""The same where the authors have no Dice: cross-entropy alone, or over the voxels that are not yet learned."""
MaskSums = Literal["batch", "patch"]
"""Whether a mean over a mask pools the patches of a batch, or is taken of each patch by itself."""


def cross_entropy(logits: Tensor, label: Tensor, balance: float = 0.0) -> Tensor:
    """Mean cross-entropy over the voxels whose label is known; 0 if none is.

    ``balance``: the share in which every class that the label shows counts the same, however few its voxels; with 1 it
    is the mean over these classes of the mean over their voxels.
    """
    return _cross_entropy(*merged_logs(logits.float().log_softmax(1), label), balance)


def soft_dice(logits: Tensor, label: Tensor, epsilon: float = 1e-5, power: int = 2) -> Tensor:
    """One minus the soft Dice overlap, averaged over foreground classes, each pooled over the whole batch.

    ``1 - (2 sum p g + e) / (sum p^power + sum g^power + e)``: squared denominators as in the left-atrium benchmark
    (Yu et al., MICCAI 2019), or plain ones (power 1) as in MC-Net.
    """
    return _soft_dice(*merged_probabilities(logits.float().softmax(1), label), epsilon, power)


def dice_ce(
    logits: Tensor,
    label: Tensor,
    first: int = 1,
    shares: tuple[float, float] = (0.5, 0.5),
    balance: float = 0.0,
) -> Tensor:
    """Half cross-entropy, half soft Dice: the supervised loss of every method here.

    ``first``: the class from which on the Dice is averaged; 0 takes the background in, as in URPC. ``shares``: of
    cross-entropy and Dice. ``balance``: of the cross-entropy.
    """
    log_probabilities, label = merged_logs(logits.float().log_softmax(1), label)
    overlap = _soft_dice(log_probabilities.exp(), label, first=first)
    return shares[0] * _cross_entropy(log_probabilities, label, balance) + shares[1] * overlap


def bootstrapped_cross_entropy(logits: Tensor, label: Tensor, limit: float) -> Tensor:
    """Mean cross-entropy over the voxels whose label has a probability below ``limit``; the others count as learned.

    As many voxels as there are patches, the hardest, are kept in any case; 0 if no label is known. After Ouali et al.,
    CVPR 2020, arXiv:2003.09005, who let the limit rise.
    """
    log_probabilities, label = merged_logs(logits.float().log_softmax(1), label)
    known = label != IGNORE
    index = torch.where(known, label, 0).unsqueeze(1)
    surprise = -log_probabilities.gather(1, index)[:, 0][known]  # (N,)
    if not len(surprise):
        return logits.float().sum() * 0
    hard = (-surprise).exp() < limit
    hardest = surprise.detach().topk(min(len(label), len(surprise))).indices
    hard[hardest] = True
    return (surprise * hard).sum() / hard.sum()


def voxel_loss(logits: Tensor, label: Tensor, kind: VoxelLoss, limit: float, balance: float = 0.0) -> Tensor:
    """The loss of this kind; ``limit`` is that of ``bootstrapped``, ``balance`` that of the others' cross-entropy."""
    match kind:
        case "dice_ce":
            return dice_ce(logits, label, balance=balance)
        case "ce":
            return cross_entropy(logits, label, balance)
    return bootstrapped_cross_entropy(logits, label, limit)


def dice_ce_of_each_patch(logits: Tensor, label: Tensor, epsilon: float = 1e-5, balance: float = 0.0) -> Tensor:
    """Cross-entropy plus soft Dice, background included, class by class and patch by patch: MONAI's ``DiceCELoss``.

    Plain denominators; voxels without a known label count nowhere. The DKUXNet authors' script has it, and BCP's.
    ``balance``: of the cross-entropy.
    """
    log_probabilities, label = merged_logs(logits.float().log_softmax(1), label)
    known = label != IGNORE
    overlaps = []
    for index, log_of_class in enumerate(log_probabilities.unbind(1)):
        p = (log_of_class.exp() * known).flatten(1)  # (B, V)
        g = ((label == index) & known).flatten(1).to(p.dtype)
        overlaps.append(1 - (2 * (p * g).sum(1) + epsilon) / (p.sum(1) + g.sum(1) + epsilon))
    return _cross_entropy(log_probabilities, label, balance) + torch.stack(overlaps).mean()


def segmentation_loss(
    logits: Tensor,
    label: Tensor,
    kind: Segmentation,
    epsilon: float = 1e-5,
    power: int = 2,
    balance: float = 0.0,
) -> Tensor:
    """The loss of this kind; ``epsilon`` and ``power`` are those of the Dice that stands alone, ``balance`` that of
    the cross-entropy."""
    if kind == "dice_ce":
        return dice_ce(logits, label, balance=balance)
    return soft_dice(logits, label, epsilon, power)


def class_weights(label: Tensor, classes: int, balance: float) -> Tensor:
    """(B, X, Y, Z) class indices -> how much each voxel counts, (B, X, Y, Z), with a sum of 1; 0 where it is unknown.

    A share ``balance`` goes in equal parts to the classes that the label shows, the rest in equal parts to the voxels.
    """
    known = label != IGNORE
    index = torch.where(known, label, 0)
    plain = known / known.sum().clamp_min(1)
    if not balance:
        return plain
    sizes = torch.stack([((label == k) & known).sum() for k in range(classes)])  # (K,)
    shown = (sizes > 0).sum().clamp_min(1)
    share = torch.where(sizes > 0, 1.0 / (sizes.clamp_min(1) * shown), 0.0)
    return (1 - balance) * plain + balance * share[index] * known


def class_emphasis(label: Tensor, classes: int, balance: float) -> Tensor:
    """The same times the number of known voxels, so 1 on average: for a loss that is a weighted mean already."""
    if not balance:
        return torch.ones_like(label, dtype=torch.float32)
    label = as_one(label)
    return class_weights(label, classes, balance) * (label != IGNORE).sum()


def masked_cross_entropy(
    logits: Tensor, label: Tensor, mask: Tensor, at_least: float = 1.0, sums: MaskSums = "batch"
) -> Tensor:
    """The ``masked_mean`` of the cross-entropy of each voxel."""
    per_voxel = -logits.float().log_softmax(1).gather(1, label.unsqueeze(1)).squeeze(1)  # (B, X, Y, Z)
    return masked_mean(per_voxel, mask, at_least, sums)


def masked_mean(values: Tensor, mask: Tensor, at_least: float = 1.0, sums: MaskSums = "batch") -> Tensor:
    """Values (B, X, Y, Z) summed over the voxels of a mask and divided by their number, or by ``at_least`` where they
    are fewer; an empty mask gives exactly 0. ``patch``: of each patch by itself, then the mean over patches."""
    weight = mask.to(values.dtype)
    if sums == "batch":
        return (values * weight).sum() / weight.sum().clamp_min(at_least)
    inside, number = (values * weight).flatten(1).sum(1), weight.flatten(1).sum(1)
    return (inside / number.clamp_min(at_least)).mean()


def focal(logits: Tensor, label: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """The two factors of the focal loss at each voxel, (B, X, Y, Z) each: (1 - p)^gamma and -ln p of the label's class.

    Lin et al., ICCV 2017, arXiv:1708.02002. A voxel marked IGNORE counts as background: leave it out afterwards.
    """
    log_probabilities, label = merged_logs(logits.float().log_softmax(1), label)
    index = torch.where(label != IGNORE, label, 0).unsqueeze(1)
    known = log_probabilities.gather(1, index).squeeze(1)
    # powers below 1 are infinitely steep at 0
    return (-known.expm1()).clamp_min(1e-6).pow(gamma), -known


def generalized_dice(probabilities: Tensor, label: Tensor, counted: Tensor) -> Tensor:
    """One minus the Dice overlap in which small classes weigh as much as large ones, patch by patch: (B,).

    ``1 - 2 sum_k w_k sum p g / sum_k w_k sum (p + g)`` over all classes, background included, with ``w_k`` one over the
    squared size of class k in the patch, and 0 where it has none (Sudre et al., DLMIA 2017, arXiv:1707.03237). Sums run
    over the voxels of ``counted`` (B, X, Y, Z); a patch without any has 0.
    """
    probabilities, label = merged_probabilities(probabilities, label)
    overlap = probabilities.new_zeros(len(label))
    both = probabilities.new_zeros(len(label))
    for index, of_class in enumerate(probabilities.unbind(1)):
        p = (of_class * counted).flatten(1)  # (B, V)
        g = ((label == index) & counted).flatten(1)
        size = g.sum(1).to(p.dtype)  # (B,)
        weight = torch.where(size > 0, size.clamp_min(1) ** -2, 0)
        overlap = overlap + weight * (p * g).sum(1)
        both = both + weight * (p.sum(1) + size)
    return torch.where(both > 0, 1 - 2 * overlap / torch.where(both > 0, both, 1), 0)


def squared_difference(student: Tensor, teacher: Tensor) -> Tensor:
    """Probabilities (B, K, X, Y, Z) twice -> their squared difference averaged over classes, (B, X, Y, Z).

    For two classes both channels differ by the same amount, so one of them suffices (exact).
    """
    if student.shape[1] == 2:
        return (student[:, 1] - teacher[:, 1]).square()
    return (student - teacher).square().mean(1)


def _cross_entropy(log_probabilities: Tensor, label: Tensor, balance: float = 0.0) -> Tensor:
    known = label != IGNORE
    index = torch.where(known, label, 0).unsqueeze(1)
    # gather, not nll_loss: its backward has a deterministic implementation on CUDA
    per_voxel = -log_probabilities.gather(1, index).squeeze(1)  # (B, X, Y, Z)
    if balance:
        return (per_voxel * class_weights(label, log_probabilities.shape[1], balance)).sum()
    return (per_voxel * known).sum() / known.sum().clamp_min(1)


def _soft_dice(probabilities: Tensor, label: Tensor, epsilon: float = 1e-5, power: int = 2, first: int = 1) -> Tensor:
    known = label != IGNORE
    terms = []
    # unbind, not an index a class: the gradient of that would be a whole tensor for each class
    for index, of_class in enumerate(probabilities.unbind(1)[first:], first):
        p = of_class * known  # (B, X, Y, Z)
        g = (label == index).to(p.dtype)
        overlap = 2 * (p * g).sum() + epsilon
        terms.append(1 - overlap / (p.pow(power).sum() + g.sum() + epsilon))
    return torch.stack(terms).mean()
