"""Distances to prototypes and between answers: small numbers by hand, and slow restatements."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.separation import chosen_prototypes, disagreement, separation
from tests.functional.restatements import slow_separation


def number(value: int) -> torch.Tensor:
    return torch.tensor(value)


def test_two_rows_and_two_prototypes():
    rows, prototypes = torch.eye(2), torch.tensor([[1.0, 0.0], [0.5**0.5, 0.5**0.5]])
    found = separation(rows, torch.tensor([0.8, 0.2]), prototypes, number(2))
    assert found.item() == pytest.approx(0.246447, abs=1e-6)
    assert found.item() / 2 == pytest.approx(0.123223, abs=1e-6)  # two classes, the background empty


def test_the_shortcut_is_the_matrix_form_gradients_too():
    torch.manual_seed(0)
    rows, scores = torch.randn(40, 5).double().requires_grad_(), torch.rand(40).double().requires_grad_()
    prototypes = torch.randn(7, 5).double()
    padded = torch.cat([prototypes, torch.full((3, 5), 9.0).double()])
    slow = slow_separation(rows, scores, prototypes)
    found = separation(rows, scores, padded, number(7))
    torch.testing.assert_close(found, slow, atol=1e-12, rtol=0)
    for mine, theirs in zip(torch.autograd.grad(found, [rows, scores]), torch.autograd.grad(slow, [rows, scores])):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=0)


def test_the_weights_sum_to_the_number_of_rows():
    """Rows alike: however they are weighted, the mean is their common distance."""
    rows, prototypes = torch.tensor([[0.6, 0.8]] * 5), torch.eye(2)
    assert separation(rows, torch.rand(5), prototypes, number(2)).item() == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize(("rows", "count"), [(0, 2), (1, 2), (5, 0), (5, 1)])
def test_too_few_rows_or_prototypes_give_zero_and_finite_gradients(rows, count):
    some, scores = torch.randn(rows, 3, requires_grad=True), torch.rand(rows, requires_grad=True)
    found = separation(some, scores, torch.randn(4, 3), number(count))
    found.backward()
    assert found.item() == 0.0
    assert not some.grad.any()
    assert not scores.grad.any()


def test_dead_rows_and_vanished_scores_are_finite():
    rows, scores = torch.zeros(3, 2, requires_grad=True), torch.zeros(3, requires_grad=True)
    separation(rows, scores, torch.eye(2), number(2)).backward()
    assert torch.isfinite(rows.grad).all()
    assert torch.isfinite(scores.grad).all()


def test_prototypes_of_the_lowest_or_the_highest_score():
    rows, scores = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([0.9, 0.1, 0.5])
    assert chosen_prototypes(rows, scores, 2, "lowest").flatten().tolist() == [2.0, 3.0]
    assert chosen_prototypes(rows, scores, 2, "highest").flatten().tolist() == [1.0, 3.0]
    assert chosen_prototypes(rows, scores, 4, "lowest").flatten().tolist() == [2.0, 3.0, 1.0, 0.0]
    assert chosen_prototypes(rows[:0], scores[:0], 2, "lowest").flatten().tolist() == [0.0, 0.0]


def test_disagreement_is_a_dice_distance_over_everything():
    one, other = (torch.tensor(p).T.unsqueeze(0) for p in ([[0.9, 0.1], [0.4, 0.6]], [[0.8, 0.2], [0.3, 0.7]]))
    assert disagreement(one, other).item() == pytest.approx(0.36, abs=1e-6)
    assert disagreement(other, other).item() == pytest.approx(0.37, abs=1e-6)
    certain = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).unsqueeze(0)
    assert disagreement(certain, certain).item() == 0.0
    dice = 1 - (2 * (one * other).sum() + 1e-8) / (one.sum() + other.sum() + 1e-8)
    assert disagreement(one, other).item() == pytest.approx(dice.item(), abs=1e-6)
