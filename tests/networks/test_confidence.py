"""The confidence network: its size, its shapes, and that each level has a say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.networks.confidence import ConfidenceNetwork, width_for
from semivox.testing.patches import blueprint


def test_size_of_the_authors():
    assert sum(p.numel() for p in ConfidenceNetwork(2, 32).parameters()) == 5_507_937


@pytest.mark.parametrize("shape", [(8, 8, 8), (16, 8, 24), (40, 56, 40), (5, 9, 16), (1, 2, 3)], ids=str)
def test_one_judgment_a_voxel_of_any_patch(shape):
    torch.manual_seed(0)
    judge = ConfidenceNetwork(3, 2).train()
    maps = torch.rand(2, 3, *shape, requires_grad=True)
    verdict = judge(maps)
    assert verdict.shape == (2, *shape)
    verdict.square().sum().backward()
    assert maps.grad.any()


def test_filled_up_patches_are_cropped_back_in_place():
    torch.manual_seed(0)
    judge = ConfidenceNetwork(2, 3).eval()
    maps = torch.rand(1, 2, 5, 9, 16)
    filled = torch.zeros(1, 2, 8, 16, 16)
    filled[:, :, :5, :9] = maps
    torch.testing.assert_close(judge(maps), judge(filled)[:, :5, :9])


def test_each_level_changes_the_judgment():
    """In the released code the coarse levels do not."""
    torch.manual_seed(0)
    judge = ConfidenceNetwork(2, 3).eval()
    maps = torch.rand(1, 2, 16, 16, 16)
    before = judge(maps)
    layers = [judge.first, *judge.down, *(up[0] for up in judge.up), judge.judgment]
    assert len(layers) == 8
    for layer in layers:
        kept = layer.weight.detach().clone()
        with torch.no_grad():
            layer.weight.add_(0.1)
        assert not torch.equal(judge(maps), before)
        with torch.no_grad():
            layer.weight.copy_(kept)


def test_every_parameter_learns():
    torch.manual_seed(0)
    judge = ConfidenceNetwork(2, 4).train()
    judge(torch.rand(2, 2, 16, 16, 16)).square().mean().backward()
    # before batch normalization a shift changes nothing
    still = {name for name, p in judge.named_parameters() if not p.grad.abs().max() > 1e-7}
    assert still <= {f"up.{level}.0.bias" for level in range(3)}


def test_without_batch_neighbors_in_evaluation_mode():
    torch.manual_seed(0)
    judge = ConfidenceNetwork(2, 3)
    judge.train()(torch.rand(3, 2, 8, 8, 8))
    judge.eval()
    maps = torch.rand(3, 2, 8, 8, 8)
    together = judge(maps)
    for i in range(3):
        torch.testing.assert_close(judge(maps[[i]]), together[[i]])


def test_weights_are_drawn_as_in_the_released_code():
    torch.manual_seed(0)
    judge = ConfidenceNetwork(2, 32)
    for layer in judge.modules():
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
            fan = (layer.in_channels + layer.out_channels) * layer.weight[0, 0].numel()
            bound = (6 / fan) ** 0.5
            assert 0.8 * bound < layer.weight.abs().max().item() <= bound * (1 + 1e-6)


def test_width():
    assert [width_for(blueprint(width=w).architecture) for w in (3, 16, 48)] == [3, 16, 32]
