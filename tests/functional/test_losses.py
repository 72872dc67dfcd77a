"""Losses against hand-computed numbers and slow restatements."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from semivox.core.case import IGNORE
from semivox.functional.losses import (
    bootstrapped_cross_entropy,
    class_weights,
    cross_entropy,
    dice_ce,
    dice_ce_of_each_patch,
    masked_cross_entropy,
    masked_mean,
    segmentation_loss,
    soft_dice,
    squared_difference,
)
from tests.contract.examples import logit


def label(values: list[int]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def patches(rows: list[list[float]]) -> torch.Tensor:
    """One patch a row, of voxels with these foreground probabilities (0 and 1 saturated)."""
    return torch.cat([logit([min(max(p, 1e-12), 1 - 1e-12) for p in row]) for row in rows])


def test_zero_logits():
    logits, g = torch.zeros(1, 2, 1, 1, 4), label([1, 1, 0, 0])
    assert cross_entropy(logits, g).item() == pytest.approx(0.693147, abs=1e-6)
    assert soft_dice(logits, g).item() == pytest.approx(1 / 3, abs=5e-6)
    assert dice_ce(logits, g).item() == pytest.approx(0.513240, abs=3e-6)


def test_dice_squares_its_denominators():
    found = soft_dice(patches([[1, 0.5, 0, 0]]), label([1, 1, 0, 0])).item()
    assert found == pytest.approx(0.0769230, abs=2e-6)  # 0.142857 without squares


def test_dice_with_plain_denominators():
    logits = logit([0.8, 0.6, 0.1, 0.1])
    assert soft_dice(logits, label([1, 1, 0, 0]), 1e-8, power=1).item() == pytest.approx(0.222222, abs=1e-6)
    found = soft_dice(patches([[1, 0.5, 0, 0]]), label([1, 1, 0, 0]), 1e-8, power=1).item()
    assert found == pytest.approx(0.142857, abs=1e-6)


def test_dice_of_the_background_counts_where_asked():
    logits, g = logit([0.8, 0.6, 0.3, 0.1]), label([1, 1, 0, 0])
    assert dice_ce(logits, g, first=0).item() == pytest.approx((0.2990012 + 0.0912440) / 2, abs=5e-7)


def test_dice_pools_the_batch():
    g = torch.tensor([[1, 0], [1, 0]]).reshape(2, 1, 1, 2)
    assert soft_dice(patches([[1, 0], [0.5, 0]]), g).item() == pytest.approx(0.076923, abs=5e-6)  # 0.1 per sample


def test_numbers_of_the_unet_card():
    logits, g = logit([0.8, 0.6, 0.3, 0.1]), label([1, 1, 0, 0])
    assert cross_entropy(logits, g).item() == pytest.approx(0.2990012, abs=5e-7)
    assert soft_dice(logits, g).item() == pytest.approx(0.0967739, abs=5e-7)
    mirrored = soft_dice(logits.flip(1), 1 - g).item()
    assert (soft_dice(logits, g).item() + mirrored) / 2 == pytest.approx(0.0912440, abs=5e-7)
    assert dice_ce(logits, g).item() == pytest.approx((0.2990012 + 0.0967739) / 2, abs=5e-7)


def sure(g: torch.Tensor, by: float = 20.0) -> torch.Tensor:
    signs = functional.one_hot(g, 2).movedim(-1, 1) * 2.0 - 1
    return (signs * by).requires_grad_()


def test_a_perfect_prediction_costs_nothing():
    g = label([1, 1, 0, 0, 1])
    loss = dice_ce(sure(g), g)
    assert loss.item() < 1e-6


def test_an_empty_label_and_a_quiet_prediction_cost_no_dice():
    g = torch.zeros(1, 4, 4, 4, dtype=torch.long)
    logits = sure(g)
    loss = soft_dice(logits, g)
    loss.backward()
    assert loss.item() < 1e-3
    assert torch.isfinite(logits.grad).all()


def test_an_empty_label_and_a_faint_prediction_cost_all_dice():
    g = torch.zeros(1, 64, 64, 64, dtype=torch.long)
    logits = torch.zeros(1, 2, 64, 64, 64)
    logits[:, 1] = math.log(0.01 / 0.99)
    logits.requires_grad_()
    loss = soft_dice(logits, g)
    loss.backward()
    assert loss.item() > 0.999
    assert torch.isfinite(logits.grad).all()


def test_extreme_logits_keep_finite_gradients():
    g = label([1, 0, 1, 0])
    for by in (20.0, -20.0, 1e4, -1e4):
        logits = sure(g, by).detach().requires_grad_()
        loss = dice_ce(logits, g)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()


def test_two_class_cross_entropy_is_binary_cross_entropy():
    torch.manual_seed(0)
    logits, g = torch.randn(2, 2, 3, 4, 5), torch.randint(2, (2, 3, 4, 5))
    binary = functional.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], g.float())
    assert cross_entropy(logits, g).item() == pytest.approx(binary.item(), rel=1e-6)


def slow(logits: torch.Tensor, g: torch.Tensor) -> tuple[float, float]:
    """Cross-entropy and Dice in float64, voxel by voxel, over known voxels."""
    p = logits.double().softmax(1).movedim(1, -1).reshape(-1, logits.shape[1])
    voxels = [(row, int(c)) for row, c in zip(p, g.flatten(), strict=True) if int(c) != IGNORE]
    ce = -sum(math.log(row[c]) for row, c in voxels) / len(voxels)
    parts = []
    for k in range(1, logits.shape[1]):
        both = sum(float(row[k]) for row, c in voxels if c == k)
        size = sum(float(row[k]) ** 2 for row, _ in voxels) + sum(c == k for _, c in voxels)
        parts.append(1 - (2 * both + 1e-5) / (size + 1e-5))
    return ce, sum(parts) / len(parts)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_against_the_slow_form_with_ignored_voxels(classes):
    torch.manual_seed(classes)
    logits, g = 2 * torch.randn(2, classes, 3, 4, 5), torch.randint(classes, (2, 3, 4, 5))
    g[0, 1] = IGNORE
    ce, dice = slow(logits, g)
    assert cross_entropy(logits, g).item() == pytest.approx(ce, rel=1e-5)
    assert soft_dice(logits, g).item() == pytest.approx(dice, rel=1e-5)
    assert dice_ce(logits, g).item() == pytest.approx((ce + dice) / 2, rel=1e-5)


def test_the_loss_of_a_kind():
    torch.manual_seed(0)
    logits, g = torch.randn(2, 3, 3, 4, 5), torch.randint(3, (2, 3, 4, 5))
    assert torch.equal(segmentation_loss(logits, g, "dice_ce", epsilon=0.1, power=1), dice_ce(logits, g))
    assert torch.equal(segmentation_loss(logits, g, "dice"), soft_dice(logits, g))
    assert torch.equal(segmentation_loss(logits, g, "dice", 0.1, 1), soft_dice(logits, g, 0.1, 1))


def test_ignored_voxels_move_nothing():
    torch.manual_seed(0)
    logits, g = torch.randn(1, 3, 4, 4, 4, requires_grad=True), torch.randint(3, (1, 4, 4, 4))
    g[:, :2] = IGNORE
    dice_ce(logits, g).backward()
    assert not logits.grad[:, :, :2].any()
    assert logits.grad[:, :, 2:].any()


def test_a_label_unknown_everywhere_costs_nothing_and_stays_finite():
    logits = torch.randn(1, 3, 4, 4, 4, requires_grad=True)
    g = torch.full((1, 4, 4, 4), IGNORE)
    loss = dice_ce(logits, g)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert not logits.grad.any()


def test_masked_cross_entropy_of_the_card():
    logits, g = logit([0.7, 0.4, 0.9]).requires_grad_(), label([1, 0, 0])
    loss = masked_cross_entropy(logits, g, label([1, 1, 0]).bool())
    assert loss.item() == pytest.approx(0.4338, abs=5e-5)
    loss.backward()
    assert not logits.grad[..., 2].any()
    other = masked_cross_entropy(logit([0.7, 0.4, 0.01]), g, label([1, 1, 0]).bool())
    assert other.item() == pytest.approx(loss.item())


def test_an_empty_mask_is_exactly_zero_with_finite_gradients():
    logits = torch.randn(1, 3, 2, 2, 2, requires_grad=True)
    loss = masked_cross_entropy(logits, torch.zeros(1, 2, 2, 2).long(), torch.zeros(1, 2, 2, 2).bool())
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_a_mask_smaller_than_the_floor_is_divided_by_the_floor():
    logits, g, mask = logit([0.7, 0.4, 0.9]), label([1, 0, 0]), label([1, 1, 0]).bool()
    two = 2 * masked_cross_entropy(logits, g, mask)
    assert masked_cross_entropy(logits, g, mask, at_least=10).item() == pytest.approx(two.item() / 10)
    assert masked_cross_entropy(logits, g, mask, at_least=1.5).item() == pytest.approx(two.item() / 2)


def test_consistency_of_the_mean_teacher_card():
    p = torch.tensor([0.7311, 0.2689]).reshape(1, 2, 1, 1, 1)
    assert squared_difference(p, p.flip(1)).mean().item() == pytest.approx(0.2136, abs=5e-5)
    z = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1, 1)
    found = squared_difference(z.softmax(1), z.flip(1).softmax(1)).mean().item()
    assert found == pytest.approx(0.2135523, abs=2e-7)
    assert squared_difference(z.softmax(1), z.softmax(1)).mean().item() == 0
    shifted = squared_difference(z.softmax(1), (z.flip(1) + 5).softmax(1)).mean().item()
    assert shifted == pytest.approx(found, rel=1e-6)


def test_squared_difference_is_the_mean_over_classes():
    torch.manual_seed(0)
    for classes in (2, 3, 4):
        p, q = (torch.randn(2, classes, 3, 3, 3).softmax(1) for _ in range(2))
        torch.testing.assert_close(squared_difference(p, q), (p - q).square().mean(1))
    student = torch.tensor([[0.2, 0.8], [0.6, 0.4]]).reshape(2, 2, 1, 1, 1)
    teacher = torch.tensor([[0.3, 0.7], [0.1, 0.9]]).reshape(2, 2, 1, 1, 1)
    torch.testing.assert_close(squared_difference(student, teacher).flatten(), torch.tensor([0.01, 0.25]))


@pytest.mark.parametrize("classes", [2, 3])
def test_consistency_cannot_move_all_logits_of_a_voxel_together(classes):
    torch.manual_seed(0)
    z = torch.randn(1, classes, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    q = torch.randn(1, classes, 3, 3, 3, dtype=torch.float64).softmax(1)
    squared_difference(z.softmax(1), q).mean().backward()
    assert z.grad.abs().max() > 1e-4
    assert z.grad.sum(1).abs().max() < 1e-12


def test_losses_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        logits = (torch.randn(1, 4, 8) @ torch.randn(8, 3)).movedim(-1, 1)[..., None, None]
        g = torch.randint(3, (1, 4, 1, 1))
        found = (dice_ce(logits, g), masked_cross_entropy(logits, g, g > 0))
    assert logits.dtype == torch.bfloat16
    assert [value.dtype for value in found] == [torch.float32] * 2
    assert found[0].item() == pytest.approx(sum(slow(logits, g)) / 2, rel=1e-5)


def test_shares_of_cross_entropy_and_dice():
    torch.manual_seed(0)
    logits, label = torch.randn(2, 3, 4, 4, 4), torch.randint(3, (2, 4, 4, 4))
    ce, dice = cross_entropy(logits, label), soft_dice(logits, label)
    torch.testing.assert_close(dice_ce(logits, label, shares=(1.0, 0.25)), ce + 0.25 * dice)
    assert torch.equal(dice_ce(logits, label), 0.5 * (ce + dice))


def test_a_mean_over_a_mask_pools_patches_or_takes_each_by_itself():
    values = torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8]).reshape(2, 1, 1, 4)
    mask = torch.tensor([1, 0, 0, 0, 1, 1, 1, 0]).bool().reshape(2, 1, 1, 4)
    assert masked_mean(values, mask).item() == pytest.approx((1 + 5 + 6 + 7) / 4)
    assert masked_mean(values, mask, sums="patch").item() == pytest.approx((1 + 6) / 2)
    assert masked_mean(values, mask, 2.0, "patch").item() == pytest.approx((1 / 2 + 6) / 2)
    assert masked_mean(values, mask & False, sums="patch").item() == 0


def test_learned_voxels_leave_the_bootstrapped_cross_entropy():
    probability = [0.9, 0.6, 0.3, 0.2]
    logits = torch.tensor([[1 - p, p] for p in probability]).log().T.reshape(1, 2, 1, 1, 4)
    label = torch.ones(1, 1, 1, 4, dtype=torch.long)
    hard = [-math.log(p) for p in probability]
    for limit, kept in ((0.95, hard), (0.5, hard[2:]), (0.25, hard[3:]), (0.1, hard[3:])):
        assert bootstrapped_cross_entropy(logits, label, limit).item() == pytest.approx(sum(kept) / len(kept), rel=1e-5)
    label[..., 3] = 255
    assert bootstrapped_cross_entropy(logits, label, 0.1).item() == pytest.approx(hard[2], rel=1e-5)
    nothing = logits.clone().requires_grad_()
    loss = bootstrapped_cross_entropy(nothing, torch.full_like(label, 255), 0.5)
    loss.backward()
    assert loss.item() == 0
    assert not nothing.grad.any()


def test_dice_of_each_patch_and_class_is_monais():
    from monai.losses import DiceCELoss

    torch.manual_seed(0)
    logits, label = torch.randn(2, 3, 4, 5, 6), torch.randint(3, (2, 4, 5, 6))
    theirs = DiceCELoss(to_onehot_y=True, softmax=True)(logits, label.unsqueeze(1))
    torch.testing.assert_close(dice_ce_of_each_patch(logits, label), theirs)


def test_balance_gives_each_shown_class_the_same_share():
    logits, g = torch.zeros(1, 4, 1, 1, 8), label([0, 0, 0, 0, 0, 1, 2, 255])  # class 3 is not shown
    logits[0, 1, ..., 5] = 3.0
    each = torch.tensor([cross_entropy(logits[..., i : i + 1], g[..., i : i + 1]).item() for i in range(7)])
    by_class = (each[:5].mean() + each[5] + each[6]) / 3
    assert cross_entropy(logits, g, balance=1).item() == pytest.approx(by_class.item(), abs=1e-6)
    half = 0.5 * each.mean() + 0.5 * by_class
    assert cross_entropy(logits, g, balance=0.5).item() == pytest.approx(half.item(), abs=1e-6)
    assert (dice_ce(logits, g, balance=1) - dice_ce(logits, g)).item() == pytest.approx(
        0.5 * (by_class - each.mean()).item(), abs=1e-6
    )


def test_weights_of_classes_sum_to_one_and_leave_unknown_voxels_out():
    g = label([0, 0, 0, 1, 255])
    for balance in (0.0, 0.3, 1.0):
        weights = class_weights(g, 3, balance).flatten()
        assert weights.sum().item() == pytest.approx(1.0)
        assert weights[4] == 0
    assert class_weights(label([255, 255]), 3, 0.5).sum() == 0
