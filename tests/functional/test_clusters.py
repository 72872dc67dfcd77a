"""Hard sums and groups of queries, against the paper's arithmetic and slow forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from semivox.core.case import IGNORE
from semivox.functional.clusters import assigned_sums, group_log_probabilities, group_loss, group_shares

LOGITS = torch.tensor([[[3.0, 0, 1, 2], [1, 2, 5, 2], [0, 1, 0, 0]]])
VALUES = torch.tensor([[[1.0, 2, 3, 4], [10, 20, 30, 40]]])


def test_each_voxel_counts_for_its_nearest_query_alone():
    logits, values = LOGITS.clone().requires_grad_(), VALUES.clone().requires_grad_()
    sums = assigned_sums(values, logits)
    assert sums.tolist() == [[[5, 5, 0], [50, 50, 0]]]  # of queries 0, 1, 1, 0; the last voxel's logits are equal
    sums.square().sum().backward()
    assert values.grad.tolist() == [[[10] * 4, [100] * 4]]
    assert logits.grad is None


@pytest.mark.parametrize("seed", range(5))
def test_sums_equal_the_product_with_the_one_hot_assignment(seed):
    torch.manual_seed(seed)
    values = torch.randn(3, 4, 50, dtype=torch.float32, requires_grad=True)
    logits = torch.randn(3, 6, 50)
    slow = values @ F.one_hot(logits.argmax(1), 6).float()
    fast = assigned_sums(values, logits)
    torch.testing.assert_close(fast, slow)
    weight = torch.randn_like(slow)
    grads = [torch.autograd.grad((form * weight).sum(), values)[0] for form in (fast, slow)]
    torch.testing.assert_close(*grads)


def test_queries_without_voxels_stay_at_zero_and_patches_apart():
    values, logits = torch.ones(2, 1, 3), torch.zeros(2, 3, 3)
    logits[0, 1] = 1
    logits[1, 2] = 1
    assert assigned_sums(values, logits).tolist() == [[[0, 3, 0]], [[0, 0, 3]]]


def test_equal_logits_give_the_sizes_of_the_groups():
    log = group_log_probabilities(torch.full((1, 32, 2, 1, 1), 0.7), (16, 4, 12))
    assert log.exp()[0, :, 0, 0, 0].tolist() == pytest.approx([0.5, 0.125, 0.375])
    label = torch.zeros(1, 2, 1, 1, dtype=torch.int64)
    for group, loss in enumerate((0.6931, 2.0794, 0.9808)):
        shares = group_shares(label + group, (0, 1, 2), 3, (2, 1, 1))
        assert group_loss(log, shares).item() == pytest.approx(loss, abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 30.0, 3000.0])
def test_groups_are_sums_of_the_softmax_and_stay_finite(scale):
    torch.manual_seed(0)
    logits = (scale * torch.randn(2, 7, 3, 2, 2)).requires_grad_()
    log = group_log_probabilities(logits, (3, 1, 3))
    slow = torch.stack([part.sum(1) for part in logits.double().softmax(1).split([3, 1, 3], 1)], 1)
    torch.testing.assert_close(log.exp().double(), slow, atol=1e-5, rtol=1e-4)
    assert torch.isfinite(log).all()
    log.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_shares_average_the_known_voxels():
    label = torch.tensor([0, 1, 2, IGNORE, 3, 3, 3, 0]).reshape(1, 2, 2, 2)
    shares = group_shares(label, (0, 1, 1, 2), 3, (1, 1, 1))
    assert shares.flatten().tolist() == [2 / 8, 2 / 8, 3 / 8]
    full = group_shares(label, (0, 1, 1, 2), 3, (2, 2, 2))
    assert full.sum(1).flatten().tolist() == [1, 1, 1, 0, 1, 1, 1, 1]
    odd = group_shares(label.reshape(1, 1, 2, 4), (0, 1, 1, 2), 3, (1, 2, 2))
    assert odd.shape == (1, 3, 1, 2, 2)
    assert odd[0, :, 0, 0].tolist() == [[0.5, 0], [0.5, 0.5], [0, 0]]


def test_the_loss_is_the_mean_over_known_voxels():
    torch.manual_seed(0)
    label = torch.tensor([0, 1, IGNORE, 1]).reshape(1, 4, 1, 1)
    log = group_log_probabilities(torch.randn(1, 4, 4, 1, 1), (2, 2))
    right = [log[0, 0, 0], log[0, 1, 1], log[0, 1, 3]]
    expected = -sum(v.item() for v in right) / 3
    assert group_loss(log, group_shares(label, (0, 1), 2, (4, 1, 1))).item() == pytest.approx(expected, rel=1e-5)
    nothing = torch.full_like(label, IGNORE)
    assert group_loss(log, group_shares(nothing, (0, 1), 2, (4, 1, 1))).item() == 0


def test_a_perfect_assignment_costs_nothing():
    logits = torch.tensor([50.0, -50.0]).reshape(1, 2, 1, 1, 1)
    log = group_log_probabilities(logits, (1, 1))
    assert group_loss(log, group_shares(torch.zeros(1, 1, 1, 1, dtype=torch.int64), (0, 1), 2, (1, 1, 1))) < 1e-6
    assert math.isclose(log[0, 1].item(), -100, rel_tol=1e-5)
