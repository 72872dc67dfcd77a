"""Who attends to whom, that nobody does in evaluation, and the sizes of the paper's networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.networks.blueprint import ARCHITECTURES, Blueprint
from semivox.networks.cross_sample import CrossSampleAttention, MutualPair, attention_level
from semivox.networks.vnet import VNet
from semivox.testing.patches import ODD, odd_blueprint


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def reached(kind: str) -> torch.Tensor:
    """Change one place of patch 1: which places (B, P) of all patches change?"""
    torch.manual_seed(0)
    layer = CrossSampleAttention(8, kind, dropout=0.0).train()
    features = torch.randn(3, 8, 2, 2, 3)
    changed = features.clone()
    changed[1, :, 1, 0, 2] += 1.0
    return (layer(features) - layer(changed)).abs().sum(1).flatten(1) > 1e-6


def test_within_patches_a_place_reaches_all_places_of_its_patch():
    found = reached("intra")
    assert found[1].all()
    assert not found[0].any()
    assert not found[2].any()


def test_across_patches_a_place_reaches_the_same_place_of_all():
    found = reached("inter")
    place = 1 * 6 + 0 * 3 + 2
    assert found[:, place].all()
    assert found.sum() == 3


def test_both_reach_everything():
    assert reached("both").all()


def test_the_layers_are_the_stock_ones_in_that_order():
    torch.manual_seed(0)
    layer = CrossSampleAttention(8, "both", dropout=0.0).train()
    features = torch.randn(2, 8, 2, 2, 2)
    by_hand = torch.empty(2, 8, 8)
    for patch in range(2):
        by_hand[patch] = layer.intra(features[patch].flatten(1).T.unsqueeze(1)).squeeze(1)  # (P, C)
    for place in range(8):
        by_hand[:, place] = layer.inter(by_hand[:, place].clone().unsqueeze(1)).squeeze(1)
    torch.testing.assert_close(layer(features).flatten(2).movedim(1, -1), by_hand)


@pytest.mark.parametrize("kind", ["both", "intra", "inter"])
def test_evaluation_leaves_the_features_alone(kind):
    features = torch.randn(2, 8, 2, 2, 2)
    assert CrossSampleAttention(8, kind).eval()(features) is features


def test_sizes_of_the_paper():
    """20,128,836 parameters; two attention layers have 198,272 each."""
    with torch.device("meta"):
        pair = MutualPair(Blueprint(VNet(), 1, 2), "both", None, 32)
        bare = MutualPair(Blueprint(VNet(), 1, 2), "none", None, 32)
    assert size(pair) == 20_128_836
    assert size(pair) - size(bare) == 2 * 198_272
    assert size(pair.mixing.encoder) == 7_773_440
    assert size(pair.mixing.decoders) + size(pair.mixing.heads) == 2_898_850
    assert size(pair.plain) == 9_448_866


def test_attention_stands_at_the_level_of_the_paper():
    assert attention_level(VNet()) == 3
    assert attention_level(VNet(convolutions=(1, 2, 3, 3), strides=((2, 2, 2),) * 3)) == 3
    assert attention_level(VNet(convolutions=(1, 1, 1, 1), strides=((1, 4, 4), (2, 4, 4), (2, 2, 2)))) == 2


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_has_a_place_for_it(name):
    torch.manual_seed(0)
    plan = odd_blueprint(name, norm="instance", dropout=0.0)
    image = torch.randn(2, 2, *ODD)
    changed = image.clone()
    changed[0] += torch.randn_like(changed[0])
    pair = MutualPair(plan, "inter", None, 4).train()
    first, second = pair(image), pair(changed)
    assert torch.equal(first.plain.logits[1], second.plain.logits[1])
    assert not torch.equal(first.mixing.logits[1], second.mixing.logits[1])
    pair.eval()
    first, second = pair(image), pair(changed)
    torch.testing.assert_close(first.mixing.logits[1], second.mixing.logits[1])


def test_only_agreed_voxels_of_compared_patches_are_rows():
    torch.manual_seed(0)
    pair = MutualPair(odd_blueprint(dropout=0.0), "both", None, 4).train()
    with torch.no_grad():
        for network in (pair.plain, pair.mixing):
            network.heads[0].heads["logits"].weight.mul_(8.0)
    views = pair(torch.randn(3, 2, *ODD), alone=1)
    agreed = views.plain.logits[1:].argmax(1) == views.mixing.logits[1:].argmax(1)
    assert torch.equal(views.agreed, agreed)
    assert 0 < agreed.float().mean() < 1
    assert [row.shape for row in views.rows] == [(int(agreed.sum()), 4)] * 2
    nobody = pair(torch.randn(3, 2, *ODD), alone=3)
    assert [row.shape for row in nobody.rows] == [(0, 4)] * 2
