"""Pyramid consistency, number by number and against its formula."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.pyramid import pyramid_consistency
from tests.contract.examples import logit

FOUR = [0.1, 0.2, 0.4, 0.5]
"""Foreground probabilities of one voxel at four scales."""


def slow(probabilities: list[torch.Tensor], uncertainty: float = 1.0) -> torch.Tensor:
    """(B, K, ...) of each scale, by the formula."""
    mean = sum(probabilities) / len(probabilities)
    total = torch.zeros((), dtype=mean.dtype)
    for p in probabilities:
        divergence = (mean * (mean / p).log()).sum(1, keepdim=True)
        weight = (-divergence).exp()
        total = total + ((mean - p) ** 2 * weight).mean() / (weight.mean() + 1e-8) + uncertainty * divergence.mean()
    return total / len(probabilities)


def test_one_voxel():
    found = pyramid_consistency([logit([p]) for p in FOUR]).item()
    assert found == pytest.approx(0.0964287, abs=5e-7)  # one voxel: weights cancel
    alone = pyramid_consistency([logit([p]) for p in FOUR], uncertainty=0.0).item()
    divergences = [0.153664, 0.028168, 0.021601, 0.082283]  # of the mean from each; the other direction is .1163 first
    assert found - alone == pytest.approx(sum(divergences) / 4, abs=1e-6)


def test_a_second_voxel_that_all_agree_on_weighs_more():
    found = pyramid_consistency([logit([p, 0.1]) for p in FOUR]).item()
    assert found == pytest.approx(0.0475943, abs=5e-7)  # 0.0482144 without weights


def test_scales_that_agree_cost_nothing_and_move_nothing():
    logits = [torch.randn(2, 3, 2, 3, 4).requires_grad_()] * 4
    loss = pyramid_consistency(logits)
    (gradient,) = torch.autograd.grad(loss, logits[:1])
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert gradient.abs().max() < 1e-7


@pytest.mark.parametrize("low", [30.0, 69.0, 1e4])
def test_a_probability_of_nothing_keeps_values_and_gradients_finite(low):
    sure, mild = torch.zeros(1, 2, 1, 1, 2), logit([0.5, 0.25])
    sure[:, 1] = -low
    logits = [sure.requires_grad_(), mild.requires_grad_()]
    loss = pyramid_consistency(logits)
    found = torch.autograd.grad(loss, logits)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in found)
    assert found[0].any()


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("scales", [2, 3, 4])
def test_against_the_formula_with_its_gradients(scales, classes):
    torch.manual_seed(0)
    logits = [2 * torch.randn(2, classes, 2, 3, 4) for _ in range(scales)]
    for z in logits:
        z.requires_grad_()
    exact = [z.detach().double().requires_grad_() for z in logits]
    mine, expected = pyramid_consistency(logits, uncertainty=0.7), slow([z.softmax(1) for z in exact], 0.7)
    assert mine.item() == pytest.approx(expected.item(), rel=1e-5)
    for found, law in zip(torch.autograd.grad(mine, logits), torch.autograd.grad(expected, exact), strict=True):
        torch.testing.assert_close(found.double(), law, atol=1e-7, rtol=1e-3)


def test_scales_and_classes_have_no_order():
    torch.manual_seed(0)
    logits = [torch.randn(1, 3, 2, 2, 2) for _ in range(4)]
    loss = pyramid_consistency(logits).item()
    assert pyramid_consistency(logits[2:] + logits[:2]).item() == pytest.approx(loss, rel=1e-6)
    assert pyramid_consistency([z.roll(1, 1) for z in logits]).item() == pytest.approx(loss, rel=1e-5)


def gradient_of(logits: list[torch.Tensor], **options) -> torch.Tensor:
    return torch.stack(torch.autograd.grad(pyramid_consistency(logits, **options), logits))


@pytest.mark.parametrize("scales", [2, 4])
def test_what_is_held_still(scales):
    """The value stays; the gradient is that of the formula with the mean, or the weights, as constants."""
    torch.manual_seed(0)
    logits = [torch.randn(2, 3, 2, 2, 2, requires_grad=True) for _ in range(scales)]
    values = {pyramid_consistency(logits, *held).item() for held in [(), (True,), (False, True), (True, True)]}
    assert max(values) == pytest.approx(min(values), rel=1e-6)
    p = [z.detach().double().requires_grad_() for z in logits]
    for mean_held, weights_held in [(True, False), (False, True), (True, True)]:
        soft = [z.softmax(1) for z in p]
        mean = sum(soft) / scales
        mean = mean.detach() if mean_held else mean
        total = torch.zeros((), dtype=torch.float64)
        for q in soft:
            divergence = (mean * (mean / q).log()).sum(1, keepdim=True)
            weight = (-divergence).exp()
            weight = weight.detach() if weights_held else weight
            total = total + ((mean - q) ** 2 * weight).mean() / weight.mean() + divergence.mean()
        expected = torch.stack(torch.autograd.grad(total / scales, p))
        found = gradient_of(logits, detach_mean=mean_held, detach_weights=weights_held)
        torch.testing.assert_close(found.double(), expected, atol=1e-7, rtol=1e-3)
        assert not torch.allclose(found, gradient_of(logits), rtol=1e-3)
