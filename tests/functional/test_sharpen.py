"""Sharpening against powers in float64."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.sharpen import log_odds, sharpened
from tests.contract.examples import logit


def powers(p: torch.Tensor, temperature: float) -> torch.Tensor:
    """Each class against the rest, by powers."""
    return p ** (1 / temperature) / (p ** (1 / temperature) + (1 - p) ** (1 / temperature))


@pytest.mark.parametrize("kind", ["softmax", "one_vs_rest"])
def test_two_classes_at_a_tenth(kind):
    found = sharpened(logit([0.5, 0.55, 0.6, 0.7, 0.3]), 0.1, kind)[:, 1].flatten()
    assert found.tolist() == pytest.approx([0.5, 0.881499, 0.982954, 0.999791, 1 - 0.999791], abs=1e-6)


@pytest.mark.parametrize("kind", ["softmax", "one_vs_rest"])
def test_two_classes_are_the_powers_and_sum_to_one(kind):
    torch.manual_seed(0)
    logits = 2 * torch.randn(2, 2, 3, 4, 5)
    found = sharpened(logits, 0.1, kind)
    torch.testing.assert_close(found.double(), powers(logits.double().softmax(1), 0.1), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found.sum(1), torch.ones(2, 3, 4, 5))


def test_three_classes_compete_as_asked():
    logits = torch.tensor([0.5, 0.3, 0.2]).log().reshape(1, 3, 1)
    assert sharpened(logits, 0.1).flatten().tolist() == pytest.approx([0.9939, 0.0060, 0.0001], abs=5e-5)
    rest = sharpened(logits, 0.1, "one_vs_rest").flatten()
    assert rest.tolist() == pytest.approx([0.5, 2.1e-4, 9.5e-7], rel=0.02)
    assert rest.sum().item() == pytest.approx(0.5002, abs=1e-4)


@pytest.mark.parametrize("classes", [3, 5])
def test_many_classes_are_the_powers(classes):
    torch.manual_seed(0)
    logits = torch.randn(2, classes, 3, 4, 5)
    p = logits.double().softmax(1)
    softmax = p**5 / (p**5).sum(1, keepdim=True)
    torch.testing.assert_close(sharpened(logits, 0.2).double(), softmax, atol=1e-6, rtol=1e-4)
    rest = sharpened(logits, 0.2, "one_vs_rest").double()
    torch.testing.assert_close(rest, powers(p, 0.2), atol=1e-6, rtol=1e-4)


def test_temperature_one_changes_nothing():
    logits = torch.randn(2, 3, 2, 2, 2)
    for kind in ("softmax", "one_vs_rest"):
        torch.testing.assert_close(sharpened(logits, 1.0, kind), logits.softmax(1))


@pytest.mark.parametrize("kind", ["softmax", "one_vs_rest"])
@pytest.mark.parametrize("classes", [2, 3])
def test_extreme_logits_keep_finite_values_and_gradients(kind, classes):
    logits = torch.zeros(1, classes, 3)
    logits[0, 0] = torch.tensor([1e4, -1e4, 60.0])
    logits.requires_grad_()
    found = sharpened(logits, 0.1, kind)
    found.square().sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(logits.grad).all()


def test_half_precision_is_sharpened_in_float32():
    found = sharpened(torch.tensor([[2.0, -2.0]], dtype=torch.float16), 0.1)
    assert found.dtype == torch.float32
    assert 0 < found[0, 1] < 1e-17  # p^10 is 0 in half precision


def test_log_odds_are_those_of_the_softmax():
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 3)
    p = logits.double().softmax(1)
    torch.testing.assert_close(log_odds(logits).double(), (p / (1 - p)).log(), atol=1e-5, rtol=1e-5)
