"""Generalized Dice: worked examples, and the formula as a slow oracle."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.losses import generalized_dice
from tests.functional.made_up import labels, volume
from tests.functional.restatements import slow_generalized_dice


def test_four_voxels_worked_out_by_hand():
    p = volume([0.8, 0.2, 0.0, 0.0], [0.2, 0.8, 1.0, 1.0])
    every = torch.ones(1, 1, 1, 4, dtype=torch.bool)
    assert generalized_dice(p, labels(0, 1, 1, 1), every).item() == pytest.approx(1 / 6, abs=1e-7)


def test_certain_and_right_is_zero_and_an_even_guess_is_a_half():
    every = torch.ones(1, 1, 1, 4, dtype=torch.bool)
    right = volume([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0])
    assert generalized_dice(right, labels(0, 0, 1, 1), every).item() == 0
    assert generalized_dice(torch.full_like(right, 0.5), labels(0, 0, 1, 1), every).item() == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(3))
def test_patch_by_patch_it_is_the_formula(seed):
    torch.manual_seed(seed)
    probabilities = torch.randn(3, 4, 3, 4, 5).softmax(1)
    label = torch.randint(0, 4, (3, 3, 4, 5))
    label[1][label[1] == 2] = 0  # a class that one patch does not show
    label[2, 0] = 255
    counted = (label != 255) & (torch.rand(3, 3, 4, 5) < 0.7)
    found = generalized_dice(probabilities, label, counted)
    expected = [slow_generalized_dice(*parts) for parts in zip(probabilities, label, counted, strict=True)]
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_an_absent_class_and_an_empty_mask_have_finite_gradients():
    logits = torch.randn(2, 3, 4, 4, 4, requires_grad=True)
    label = torch.zeros(2, 4, 4, 4, dtype=torch.int64)
    counted = torch.ones(2, 4, 4, 4, dtype=torch.bool)
    counted[1] = False
    found = generalized_dice(logits.softmax(1), label, counted)
    assert found[1].item() == 0
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert torch.isfinite(gradient).all()
    assert gradient[0].any()
    assert not gradient[1].any()
    # one class alone: 1 - 2 sum p / (sum p + n)
    p = logits.detach().softmax(1)[0, 0]
    assert found[0].item() == pytest.approx(1 - 2 * p.sum().item() / (p.sum().item() + 64), rel=1e-5)


def test_a_sliver_weighs_as_much_as_the_rest():
    """Missing one voxel of a class of one costs far more than one of a thousand."""
    label = torch.zeros(1, 10, 10, 10, dtype=torch.int64)
    label[0, 0, 0, 0] = 1
    every = torch.ones_like(label, dtype=torch.bool)
    background = torch.stack([torch.ones_like(label), torch.zeros_like(label)], 1).float()
    assert generalized_dice(background, label, every).item() > 0.99
