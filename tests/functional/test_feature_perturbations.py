"""What each perturbation removes from feature maps, and what it leaves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.functional.adversarial import length, of_length_one
from semivox.functional.feature_perturbations import (
    adversarial,
    context_only,
    cut_out,
    objects_only,
    resized,
    scaled_by_noise,
    with_dropout,
    with_holes,
    without_strongest,
)


def levels(batch: int = 2) -> tuple[torch.Tensor, ...]:
    """Three levels of a network, as behind a ReLU."""
    torch.manual_seed(0)
    shapes = [(3, 8, 16, 24), (6, 8, 8, 12), (12, 4, 4, 6)]
    return tuple(torch.randn(batch, *shape).relu() for shape in shapes)


def test_noise_is_a_share_of_the_value():
    (found,) = scaled_by_noise((torch.full((2, 3, 16, 16, 16), 2.0),), 0.3)
    assert found.min().item() == pytest.approx(1.4, abs=1e-3)
    assert found.max().item() == pytest.approx(2.6, abs=1e-3)
    assert found.mean().item() == pytest.approx(2.0, abs=0.01)
    assert not torch.equal(found[0], found[1]), "each sample has noise of its own"
    for z, changed in zip(levels(), scaled_by_noise(levels(), 0.3)):
        assert torch.equal(z == 0, changed == 0)


def test_what_is_strongest_is_dropped():
    z = torch.tensor([0.2, 1.0, 1.5, 2.0]).reshape(1, 1, 1, 1, 4).repeat(1, 3, 1, 1, 1)
    (found,) = without_strongest((z,), 0.7, 0.7)  # the limit is 1.4
    assert found[0, 0].flatten().tolist() == pytest.approx([0.2, 1.0, 0, 0])
    (signed,) = without_strongest((-z,), 0.7, 0.7)
    assert torch.equal(signed, -found)
    assert not without_strongest((torch.full((1, 2, 2, 2, 2), 3.0),), 0.7, 0.9)[0].any()


def test_the_share_that_is_dropped_is_drawn_for_each_sample_and_level():
    line = torch.linspace(0, 1, 1001).reshape(1, 1, 1, 1, -1).repeat(64, 1, 1, 1, 1)
    found = without_strongest((line, line), 0.7, 0.9)
    limits = torch.stack([f.amax((1, 2, 3, 4)) for f in found])
    assert limits.min() >= 0.698
    assert limits.max() <= 0.9
    assert limits.std() == pytest.approx(0.2 / 12**0.5, rel=0.3)
    assert (limits[0] != limits[1]).any()


@pytest.mark.parametrize("kind", ["channel", "element"])
def test_dropout_keeps_the_mean(kind):
    (found,) = with_dropout((torch.ones(8, 256, 4, 4, 4),), 0.5, kind)
    assert set(found.unique().tolist()) == {0.0, 2.0}
    assert found.mean().item() == pytest.approx(1, abs=0.1)
    per_channel = found.flatten(2).std(2)
    assert (per_channel == 0).all() if kind == "channel" else (per_channel > 0).all()


class Decoder(nn.Module):
    """Reads all levels; its dropout is on."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.reads = nn.ModuleList(nn.Conv3d(c, 4, 3, padding=1) for c in (3, 6, 12))
        self.drop = nn.Dropout(dropout)
        self.last = nn.Conv3d(4, 3, 1)

    def forward(self, maps: tuple[torch.Tensor, ...]) -> torch.Tensor:
        sizes = maps[0].shape[2:]
        read = [nn.functional.interpolate(layer(z), sizes) for layer, z in zip(self.reads, maps)]
        return self.last(self.drop(torch.stack(read).sum(0).relu()))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_adversarial_maps_change_the_answer_far_more_than_random_ones(dropout):
    decoder, maps = Decoder(dropout), levels()
    found = adversarial(maps, decoder, radius=0.02, probe=1e-3)

    def divergence(moved):
        with torch.no_grad():
            torch.manual_seed(1)
            p = decoder(maps).log_softmax(1)
            torch.manual_seed(1)
            return (p.exp() * (p - decoder(moved).log_softmax(1))).sum(1).flatten(1).mean(1)

    random = []
    for _ in range(10):
        unit = [of_length_one(torch.randn_like(z)) for z in maps]
        random.append(divergence(tuple(z + 0.02 * length(z) * d for z, d in zip(maps, unit))))
    assert (divergence(found) > 3 * torch.stack(random).amax(0)).all()


def test_adversarial_displacements_have_their_length_and_touch_no_parameter():
    decoder = Decoder()
    maps = tuple(z.requires_grad_() for z in levels())
    found = adversarial(maps, decoder, radius=0.05, probe=1e-3)
    for z, moved in zip(maps, found):
        torch.testing.assert_close(length(moved - z), 0.05 * length(z), rtol=1e-3, atol=0)
        assert z.grad is None
    assert all(p.grad is None for p in decoder.parameters())
    (slope,) = torch.autograd.grad(found[0].sum(), maps[0])
    assert torch.equal(slope, torch.ones_like(slope)), "the displacement is a constant"


def test_the_search_for_adversarial_maps_asks_the_decoder_once_more_than_it_iterates():
    decoder, calls = Decoder(), []
    decoder.register_forward_hook(lambda *_: calls.append(1))
    for iterations, expected in ((1, 2), (3, 4)):
        calls.clear()
        adversarial(levels(), decoder, 0.02, 1e-3, iterations)
        assert len(calls) == expected


def ball_of_one(edge: int = 10) -> torch.Tensor:
    objects = torch.zeros(1, 32, 32, 32, dtype=torch.bool)
    objects[0, 4 : 4 + edge, 5 : 5 + edge, 6 : 6 + edge] = True
    return objects


def test_a_box_is_cut_out_of_an_object():
    torch.manual_seed(0)
    starts = set()
    for _ in range(300):
        hole = cut_out(ball_of_one(), 0.4, 50)
        assert hole.sum() == 64
        assert not (hole & ~ball_of_one()).any()
        corner = hole[0].nonzero().amin(0) - torch.tensor([4, 5, 6])
        assert hole[0].nonzero().amax(0).sub(hole[0].nonzero().amin(0)).tolist() == [3, 3, 3]
        starts |= {(axis, value) for axis, value in enumerate(corner.tolist())}
    assert starts == {(axis, value) for axis in range(3) for value in range(7)}


def test_each_object_loses_a_box_and_small_ones_none():
    two = ball_of_one()
    two[0, 20:30, 20:30, 20:30] = True
    assert cut_out(two, 0.4, 50).sum() == 128
    small = torch.zeros(1, 16, 16, 16, dtype=torch.bool)
    small[0, :5, :4, :2] = True  # 40 voxels
    assert not cut_out(small, 0.4, 50).any()
    assert cut_out(small, 0.4, 40).sum() == 2 * 2 * 1
    touching = torch.zeros(1, 16, 16, 16, dtype=torch.bool)
    touching[0, :5, :5, :5] = touching[0, 5:10, 5:10, 5:10] = True  # by a corner: one object
    assert cut_out(touching, 0.4, 50).sum() == 64
    both = torch.cat([ball_of_one(), torch.zeros_like(ball_of_one())])
    assert [h.sum().item() for h in cut_out(both, 0.4, 50)] == [64, 0]
    assert not cut_out(torch.zeros(2, 4, 4, 4, dtype=torch.bool), 0.4, 1).any()


def test_holes_reach_every_level():
    objects = torch.ones(2, 8, 16, 24, dtype=torch.bool)
    for z, changed in zip(levels(), with_holes(levels(), objects, 0.5, 50)):
        removed = (changed == 0) & (z != 0)
        assert removed.any()
        assert torch.equal(changed[~removed], z[~removed])


@pytest.mark.parametrize("resizing", ["nearest", "max"])
def test_objects_and_context_sum_to_the_features(resizing):
    objects = torch.zeros(2, 8, 16, 24, dtype=torch.bool)
    objects[:, 2:6, 3:9, 4:16] = True
    maps = levels()
    inside, outside = objects_only(maps, objects, resizing), context_only(maps, objects, resizing)
    for z, a, b in zip(maps, inside, outside):
        assert torch.equal(a + b, z)
        assert a.any()
        assert b.any()
        assert not (a * b).any()


def test_without_objects_nothing_is_masked():
    objects = torch.zeros(2, 8, 16, 24, dtype=torch.bool)
    objects[1, 2:6, 3:9, 4:16] = True
    maps = levels()
    for z, inside, outside in zip(maps, objects_only(maps, objects), context_only(maps, objects)):
        assert torch.equal(inside[0], z[0])
        assert torch.equal(outside[0], z[0])
        assert not torch.equal(inside[1], z[1])


def test_a_thin_object_survives_maximum_resizing():
    objects = torch.zeros(1, 8, 16, 24, dtype=torch.bool)
    objects[0, :, 3, 5] = True
    deepest = levels()[-1]
    assert not resized(objects, deepest, "nearest").any()
    assert resized(objects, deepest, "max").sum() == 4


def test_maps_are_left_as_they_were():
    maps, kept = levels(), levels()
    objects = torch.ones(2, 8, 16, 24, dtype=torch.bool)
    scaled_by_noise(maps, 0.3)
    without_strongest(maps, 0.7, 0.9)
    with_dropout(maps, 0.5, "channel")
    adversarial(maps, Decoder(), 0.02, 1e-3)
    objects_only(maps, objects)
    context_only(maps, objects)
    with_holes(maps, objects, 0.4, 50)
    assert all(torch.equal(a, b) for a, b in zip(maps, kept))
