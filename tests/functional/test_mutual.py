"""Mutual consistency against its definition, its expansion into moments, and numbers worked by hand."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.mutual import mutual_consistency
from semivox.functional.sharpen import sharpened
from tests.contract.examples import logit


def of(*probabilities: float) -> float:
    """One voxel, seen with these foreground probabilities, sharpened at a tenth."""
    logits = [logit([p]) for p in probabilities]
    return mutual_consistency([z.softmax(1) for z in logits], [sharpened(z, 0.1) for z in logits]).item()


def test_one_voxel():
    assert of(0.6, 0.7) == pytest.approx(0.239896, abs=1e-6)
    assert of(0.6, 0.7, 0.5) == pytest.approx(0.772932, abs=2e-6)
    assert of(0.9, 0.9, 0.9) == pytest.approx(0.06, abs=1e-6)


def test_each_direction_of_one_voxel():
    views = [logit([p]).softmax(1) for p in (0.6, 0.7)]
    sharp = [sharpened(logit([p]), 0.1) for p in (0.6, 0.7)]
    assert mutual_consistency(views, [views[1], sharp[1]]).item() == pytest.approx(0.159833, abs=1e-6)
    assert mutual_consistency(views, [sharp[0], views[0]]).item() == pytest.approx(0.080063, abs=1e-6)


def test_fixed_points_cost_nothing():
    sure = torch.zeros(1, 2, 1, 1, 3)
    sure[:, 0] = 200.0
    for logits in (sure, torch.zeros(1, 2, 1, 1, 3)):
        logits.requires_grad_()
        loss = mutual_consistency([logits.softmax(1)] * 2, [sharpened(logits, 0.1)] * 2)
        assert loss.item() == 0
        loss.backward()
        assert not logits.grad.any()


def by_pairs(views: list[torch.Tensor], targets: list[torch.Tensor]) -> torch.Tensor:
    n = len(views)
    return sum((views[i] - targets[j]).square().mean() for i in range(n) for j in range(n) if i != j)


def by_moments(views: list[torch.Tensor], targets: list[torch.Tensor]) -> torch.Tensor:
    """n (sum |p|^2 + sum |s|^2) - 2 <sum p, sum s> - sum |p_i - s_i|^2, over the number of values."""
    n, p, s = len(views), torch.stack(views), torch.stack(targets)
    all_pairs = n * (p.square().sum() + s.square().sum()) - 2 * (p.sum(0) * s.sum(0)).sum()
    return (all_pairs - (p - s).square().sum()) / p[0].numel()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_three_ways_to_compute_it_agree_with_their_gradients(n, classes):
    torch.manual_seed(0)
    logits = [torch.randn(2, classes, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(n)]
    views = [z.softmax(1) for z in logits]
    targets = [(z / 0.3).softmax(1) for z in logits]
    losses = [form(views, targets) for form in (mutual_consistency, by_pairs, by_moments)]
    gradients = [torch.autograd.grad(loss, logits, retain_graph=True) for loss in losses]
    for loss, gradient in zip(losses[1:], gradients[1:], strict=True):
        torch.testing.assert_close(losses[0], loss, atol=1e-10, rtol=1e-10)
        torch.testing.assert_close(gradients[0], gradient, atol=1e-10, rtol=1e-10)


def test_the_order_of_views_does_not_matter():
    torch.manual_seed(0)
    views = [torch.randn(1, 3, 2, 2, 2).softmax(1) for _ in range(3)]
    targets = [v.square() for v in views]
    turned = mutual_consistency(views[1:] + views[:1], targets[1:] + targets[:1])
    assert mutual_consistency(views, targets).item() == pytest.approx(turned.item(), rel=1e-6)
