"""Which voxels near a surface become references, and how they are drawn."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.depth import surface_depth
from semivox.functional.references import (
    Drawing,
    band_references,
    draw_references,
    near_references,
    reference_odds,
    references_of,
)
from tests.functional.made_up import cube


def test_candidates_are_those_of_the_band_and_of_their_class():
    label = torch.from_numpy(cube(10, 20)).long()[None].repeat(2, 1, 1, 1)
    label[1] = 0  # one labeled patch without an object
    depth = torch.stack([torch.from_numpy(surface_depth(part.numpy().astype("uint8"), (1, 1, 1), 2)) for part in label])
    where = torch.arange(label.numel()).reshape(2, 1, 20, 20, 20).float()  # an embedding that says where it is from
    background, object_ = band_references(where, label, depth, 1.0, 2)
    assert (len(background), len(object_)) == (600, 488)
    for found, value in ((background, 0), (object_, 1)):
        assert (label.flatten()[found.long().flatten()] == value).all()
        assert (depth.flatten()[found.long().flatten()] <= 1).all()


def test_voxels_larger_than_the_band_give_those_next_to_the_surface_as_candidates():
    label = torch.from_numpy(cube(10, 20)).long()[None].repeat(2, 1, 1, 1)
    label[1] = 0
    depth = torch.stack([torch.from_numpy(surface_depth(part.numpy().astype("uint8"), (4, 4, 4), 2)) for part in label])
    found = band_references(torch.zeros(2, 1, 20, 20, 20), label, depth, 3.0, 2)
    assert [len(part) for part in found] == [600, 488]
    nowhere = torch.full_like(depth, torch.inf)  # no surface: no candidate
    assert [len(part) for part in band_references(torch.zeros(2, 1, 20, 20, 20), label, nowhere, 3.0, 2)] == [0, 0]


def test_unknown_voxels_are_no_candidates():
    label = torch.tensor([0, 1, 255]).reshape(1, 1, 1, 3)
    found = band_references(torch.arange(3.0).reshape(1, 1, 1, 1, 3), label, torch.zeros(1, 1, 1, 3), 1.0, 3)
    assert [part.flatten().tolist() for part in found] == [[0.0], [1.0], []]


def test_draws_repeat_nobody_within_a_run_and_differ_between_runs():
    torch.manual_seed(0)
    candidates = torch.arange(20.0)[:, None]
    drawn = draw_references(candidates, 16, 5)
    assert drawn.shape == (5, 16, 1)
    assert all(len(set(one.flatten().tolist())) == 16 for one in drawn)
    assert len({tuple(sorted(one.flatten().tolist())) for one in drawn}) > 1
    few = draw_references(candidates[:3], 16, 5)
    assert few.shape == (5, 16, 1)
    assert set(few.flatten().tolist()) <= {0.0, 1.0, 2.0}


def test_draws_are_uniform():
    torch.manual_seed(0)
    for number in (5, 40):  # with and without replacement
        drawn = draw_references(torch.arange(float(number))[:, None], 10, 2000).long().flatten()
        share = torch.bincount(drawn, minlength=number) / len(drawn) * number
        assert (share - 1).abs().max() < 0.25


LINE = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]).reshape(1, 1, 1, 8)
DEPTH = torch.tensor([4.0, 3, 2, 1, 1, 2, 3, torch.inf]).reshape(1, 1, 1, 8)
WHERE = torch.arange(8.0).reshape(1, 1, 1, 1, 8)


def test_the_nearest_are_those_next_to_the_surface_however_far_it_is():
    background, object_ = near_references(WHERE, LINE, 10 * DEPTH, 2, most=2)
    assert background.flatten().tolist() == [3, 2]
    assert object_.flatten().tolist() == [4, 5]
    far = references_of(WHERE, LINE, 10 * DEPTH, 2, Drawing(per_run=1, runs=2, band=3.0, near="nearest"))
    assert {float(r) for r in far[1].flatten()} <= {4.0, 5.0}


def test_all_runs_together_draw_from_as_many_of_the_nearest_as_they_need():
    """Each run from the whole pool: with no more than its own number, all runs would be one."""
    torch.manual_seed(0)
    label, depth = torch.zeros(1, 1, 1, 12, dtype=torch.long), torch.arange(1.0, 13).reshape(1, 1, 1, 12)
    where = torch.arange(12.0).reshape(1, 1, 1, 1, 12)
    how = Drawing(per_run=2, runs=3, band=3.0, near="nearest")
    drawn = [references_of(where, label, depth, 1, how)[0] for _ in range(40)]
    assert {*torch.cat(drawn).flatten().tolist()} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}


def test_odds_fall_with_the_distance_and_a_voxel_without_one_has_none():
    torch.manual_seed(0)
    _, odds = reference_odds(LINE, DEPTH, 2.0, 2)
    torch.testing.assert_close(odds, torch.tensor([-0.5, -1.0, -1.5]).exp())
    how = Drawing(per_run=1, runs=20_000, band=2.0, near="weighted")
    _, drawn = references_of(WHERE, LINE, DEPTH, 2, how)
    shares = torch.bincount(drawn.flatten().long(), minlength=8)[4:] / 20_000
    torch.testing.assert_close(shares, torch.cat([odds / odds.sum(), torch.zeros(1)]), atol=0.015, rtol=0)


def test_weighted_draws_repeat_nobody_while_there_are_enough():
    torch.manual_seed(0)
    drawn = draw_references(torch.arange(20.0)[:, None], 16, 5, torch.linspace(1, 2, 20))
    assert all(len(set(one.flatten().tolist())) == 16 for one in drawn)
    assert draw_references(torch.arange(3.0)[:, None], 16, 5, torch.ones(3)).shape == (5, 16, 1)


@pytest.mark.parametrize("near", ["uniform", "nearest", "weighted"])
def test_a_class_that_is_not_shown_has_no_references(near):
    found = references_of(WHERE, LINE * 0, DEPTH, 2, Drawing(2, 3, 3.0, near))
    assert found[0].shape == (3, 2, 1)
    assert found[1] is None
