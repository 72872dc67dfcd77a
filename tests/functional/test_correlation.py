"""Shares of resemblance, their cross-entropy, and who is chosen: small numbers by hand, and slow restatements."""

from __future__ import annotations

import math

import pytest
import torch

from semivox.functional.correlation import most_confident, sample_places, share_cross_entropy, similarity_shares


def two() -> tuple[torch.Tensor, torch.Tensor]:
    """A bank of one vector per class, (1, 0) and (0, 1)."""
    return torch.eye(2).unsqueeze(1), torch.ones(2, 1, dtype=torch.bool)


def shares(*rows: tuple[float, float], normalize: bool = False) -> torch.Tensor:
    return similarity_shares(torch.tensor(rows), *two(), 0.1, normalize)


@pytest.mark.parametrize(
    ("plain", "mixing", "expected"), [((0.3, 0.1), (0.2, 0.1), 0.664811), ((1.0, 0.0), (0.8, 0.1), 0.009156)]
)
def test_two_views_of_a_voxel(plain, mixing, expected):
    assert share_cross_entropy(shares(plain), shares(mixing)).item() == pytest.approx(expected, abs=1e-6)


def test_shares():
    assert shares((0.3, 0.1)).tolist()[0] == pytest.approx([0.8808, 0.1192], abs=5e-5)
    assert shares((0.2, 0.1)).tolist()[0] == pytest.approx([0.7311, 0.2689], abs=5e-5)
    torch.testing.assert_close(shares((3.0, 4.0), normalize=True), torch.tensor([[6.0, 8.0]]).softmax(1))


def test_nothing_in_common_is_the_logarithm_of_the_number():
    bank, present = torch.randn(2, 256, 32), torch.ones(2, 256, dtype=torch.bool)
    found = similarity_shares(torch.zeros(3, 32), bank, present, 0.1, False)
    assert share_cross_entropy(found, found).tolist() == pytest.approx([math.log(512)] * 3, abs=1e-5)


def test_what_is_not_there_gets_no_share():
    torch.manual_seed(0)
    rows, bank = torch.randn(5, 4), torch.randn(2, 3, 4)
    present = torch.tensor([[True, True, False], [False, False, False]])
    found = similarity_shares(rows, bank, present, 0.5, False)
    torch.testing.assert_close(found[:, :2], (rows @ bank[0, :2].T / 0.5).softmax(1))
    assert not found[:, 2:].any()


def test_an_empty_bank_is_finite_with_finite_gradients():
    rows = torch.randn(5, 4, requires_grad=True)
    found = similarity_shares(rows, torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.bool), 0.1, False)
    share_cross_entropy(found, found).sum().backward()
    assert torch.isfinite(rows.grad).all()


def test_a_share_of_nothing_ends_the_loss_where_the_authors_code_does():
    loss = share_cross_entropy(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(18.42, abs=0.005)


def test_both_sides_get_gradients():
    plain, mixing = (torch.tensor([[0.3, 0.1]], requires_grad=True) for _ in range(2))
    sides = [similarity_shares(rows, *two(), 0.1, False) for rows in (plain, mixing)]
    share_cross_entropy(*sides).sum().backward()
    assert mixing.grad.any()
    sides = [similarity_shares(rows, *two(), 0.1, False) for rows in (torch.tensor([[0.1, 0.3]]), mixing)]
    assert torch.autograd.grad(share_cross_entropy(*sides).sum(), mixing)[0].any()


def test_the_surest_of_each_predicted_class():
    foreground = torch.tensor([0.9, 0.6, 0.2, 0.1, 0.7, 0.45])
    rows, counted = most_confident(torch.stack([1 - foreground, foreground], 1), 2)
    assert rows.tolist() == [3, 2, 0, 4]
    assert counted.all()
    rows, counted = most_confident(torch.stack([1 - foreground, foreground], 1)[:2], 2)
    assert counted.tolist() == [False, False, True, True]
    assert rows[2:].tolist() == [0, 1]
    rows, counted = most_confident(torch.empty(0, 3), 2)
    assert len(rows) == len(counted) == 0


def test_places_are_of_the_class_and_inside_the_mask():
    torch.manual_seed(0)
    label = torch.randint(0, 3, (2, 4, 5, 3))
    label[0][label[0] == 2] = 255
    mask = torch.rand(label.shape) < 0.7
    places, counts = sample_places(label, mask, 3, 10)
    assert places.shape == (2, 3, 10)
    for patch in range(2):
        for index in range(3):
            there = set((mask[patch] & (label[patch] == index)).flatten().nonzero().flatten().tolist())
            assert counts[patch, index] == len(there)
            found = places[patch, index, : min(10, len(there))].tolist()
            assert set(found) <= there
            assert len(set(found)) == len(found)
    assert counts[0, 2] == 0


def test_places_are_drawn_uniformly_and_patches_may_be_smaller_than_asked():
    torch.manual_seed(0)
    label = torch.zeros(1, 2, 3, 2).long()
    times = torch.zeros(12)
    for _ in range(600):
        times[sample_places(label, label == 0, 1, 3)[0].flatten()] += 1
    assert ((times - 150) ** 2 / 150).sum() < 31.3  # 11 degrees of freedom, 0.1 %
    places, counts = sample_places(label, label == 0, 1, 20)
    assert sorted(places[0, 0, :12].tolist()) == list(range(12))
    assert counts.item() == 12
