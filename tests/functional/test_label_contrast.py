"""Supervised contrast by hand, and voxels drawn evenly from all labels."""

from __future__ import annotations

import math

import pytest
import torch

from semivox.functional.label_contrast import drawn_evenly, label_contrast

E = math.e


def test_three_rows_by_hand():
    rows = torch.tensor([[[2.0, 0], [5, 0], [0, 3]]])  # of any length: directions count
    labels = torch.tensor([[0, 0, 1]])
    # the first two: partner at cosine 1, the other at 0; the third has no partner and does not count
    assert label_contrast(rows, labels, 1.0).item() == pytest.approx(-math.log(E / (E + 1)))
    hotter = -math.log(E**2 / (E**2 + 1))
    assert label_contrast(rows, labels, 0.5).item() == pytest.approx(hotter)


def test_several_partners_are_averaged_outside_of_the_logarithm():
    rows = torch.tensor([[[1.0, 0], [1, 0], [0, 1], [-1, 0]]])
    labels = torch.tensor([[0, 0, 0, 1]])
    to = {  # cosines of a row with the three others, and which of these are partners
        0: ([1, 0, -1], [True, True, False]),
        1: ([1, 0, -1], [True, True, False]),
        2: ([0, 0, 0], [True, True, False]),
    }
    expected = 0.0
    for cosines, partner in to.values():
        total = sum(math.exp(one) for one in cosines)
        logs = [-(one - math.log(total)) for one, is_one in zip(cosines, partner, strict=True) if is_one]
        expected += sum(logs) / len(logs) / 3
    assert label_contrast(rows, labels, 1.0).item() == pytest.approx(expected)


def test_patches_without_partners_do_not_count_and_none_at_all_gives_nothing():
    rows = torch.tensor([[[2.0, 0], [5, 0], [0, 3]], [[1.0, 0], [0, 1], [1, 1]]])
    labels = torch.tensor([[0, 0, 1], [0, 1, 2]])
    assert label_contrast(rows, labels, 1.0).item() == pytest.approx(-math.log(E / (E + 1)))
    alone = rows.clone().requires_grad_()
    loss = label_contrast(alone, torch.tensor([[0, 1, 2]] * 2), 1.0)
    loss.backward()
    assert loss.item() == 0
    assert alone.grad is not None
    assert not alone.grad.any()


def test_its_gradient_draws_partners_together():
    rows = torch.randn(2, 12, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.tensor([[0, 1, 2] * 4] * 2)
    optimizer = torch.optim.Adam([rows], 0.1)
    first = label_contrast(rows, labels, 0.2).item()
    for _ in range(60):
        optimizer.zero_grad()
        label_contrast(rows, labels, 0.2).backward()
        optimizer.step()
    directions = torch.nn.functional.normalize(rows.detach(), dim=2)
    cosines = directions @ directions.transpose(1, 2)
    same = labels.unsqueeze(1) == labels.unsqueeze(2)
    assert cosines[same].min() > 0.9 > 0.1 > cosines[~same].max()
    assert label_contrast(rows, labels, 0.2).item() < first


def test_it_is_computed_in_float32():
    rows, labels = torch.randn(1, 6, 3).bfloat16(), torch.tensor([[0, 0, 1, 1, 2, 2]])
    with torch.autocast("cpu", torch.bfloat16):
        loss = label_contrast(rows, labels, 0.2)
    assert loss.dtype == torch.float32
    assert loss.item() == label_contrast(rows.float(), labels, 0.2).item()


def test_each_label_is_drawn_as_often():
    torch.manual_seed(0)
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10).repeat(400, 1)
    drawn = labels.gather(1, drawn_evenly(labels, 3))
    shares = torch.stack([(drawn == one).float().mean() for one in range(3)])
    assert torch.allclose(shares, torch.full((3,), 1 / 3), atol=0.06)


def test_no_voxel_is_drawn_twice_and_all_where_there_are_fewer():
    torch.manual_seed(0)
    labels = torch.tensor([[0, 0, 1, 2, 2], [4, 4, 4, 4, 4]])
    for number in (5, 99):
        assert drawn_evenly(labels, number).sort(1).values.tolist() == [[0, 1, 2, 3, 4]] * 2
    assert all(len(set(row.tolist())) == 3 for row in drawn_evenly(labels, 3))
