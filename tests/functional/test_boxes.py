"""Boxes that are pasted lie within the patch, have the size that was asked for, and depend on torch's seed alone."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.boxes import box_of_sides, boxes, boxes_of_volume, pasted

SHAPE = (16, 24, 32)


def test_a_box_is_where_it_was_asked_for():
    found = boxes(torch.tensor([[2, 3, 4], [14, 0, 0]]), torch.tensor([[5, 6, 7], [9, 1, 2]]), SHAPE)
    expected = torch.zeros(2, *SHAPE, dtype=torch.bool)
    expected[0, 2:7, 3:9, 4:11] = True
    expected[1, 14:, :1, :2] = True
    assert torch.equal(found, expected)


@pytest.mark.parametrize("share", [0.01, 0.5, 2 / 3, 0.99])
def test_one_box_of_a_share_of_each_side(share):
    volumes, places = set(), set()
    for seed in range(30):
        torch.manual_seed(seed)
        inside = box_of_sides(SHAPE, share)
        volumes.add(int(inside.sum()))
        places.add(tuple(inside.nonzero()[0].tolist()))
    a, b, c = (max(1, int(share * size)) for size in SHAPE)
    assert volumes == {a * b * c}
    assert len(places) > 5 or share == 0.99


def test_boxes_of_a_share_of_the_volume():
    torch.manual_seed(0)
    found = boxes_of_volume(400, SHAPE, 0.02, 0.4, 1.0)
    share = found.flatten(1).float().mean(1)
    assert share.min() > 0.01
    assert share.max() < 0.45
    assert 0.15 < share.mean() < 0.27
    sides = torch.stack([found.any(3).any(2).sum(1) / 16, found.any(3).any(1).sum(1) / 24], 1)
    assert (sides[:, 0] > sides[:, 1]).float().mean() == pytest.approx(0.5, abs=0.1)
    assert found[:, 0].any()
    assert found[:, -1].any()


def test_with_a_chance_there_is_none():
    torch.manual_seed(0)
    found = boxes_of_volume(400, SHAPE, 0.1, 0.2, 0.25)
    assert found.flatten(1).any(1).float().mean() == pytest.approx(0.25, abs=0.07)
    assert not boxes_of_volume(50, SHAPE, 0.1, 0.2, 0.0).any()


def test_pasting_takes_values_of_any_kind():
    torch.manual_seed(0)
    inside = boxes_of_volume(2, SHAPE, 0.1, 0.2, 1.0)
    for shape in ((2, *SHAPE), (2, 1, *SHAPE), (2, 3, *SHAPE)):
        values = torch.randn(shape)
        mixed = pasted(values, inside, values.flip(0))
        mask = inside.reshape(2, *[1] * (len(shape) - 4), *SHAPE).expand(shape)
        assert torch.equal(mixed[mask], values.flip(0)[mask])
        assert torch.equal(mixed[~mask], values[~mask])
    one = pasted(torch.zeros(2, 3, *SHAPE), inside[0], torch.ones(2, 3, *SHAPE))
    assert torch.equal(one[1, 2].bool(), inside[0])
