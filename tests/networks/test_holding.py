"""What it means to hold a network, and to hold it fixed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.networks.discriminator import PatchDiscriminator
from semivox.networks.freezing import fixed, frozen


def test_held_it_works_as_in_training_and_takes_no_gradient_but_passes_it_on():
    network = nn.Sequential(nn.BatchNorm3d(1), nn.Conv3d(1, 1, 1))
    network[1].bias.requires_grad_(False)
    image = torch.randn(2, 1, 4, 4, 4, requires_grad=True)
    with frozen(network):
        assert all(m.training for m in network.modules())
        network(image).square().sum().backward()
    assert image.grad.any()
    assert all(p.grad is None for p in network.parameters())
    assert [n for n, p in network.named_parameters() if not p.requires_grad] == ["1.bias"]
    assert int(network[0].num_batches_tracked) == 1


def test_held_fixed_it_drops_nothing_and_takes_no_gradient_but_passes_it_on():
    torch.manual_seed(0)
    judge = PatchDiscriminator(1, 1, 4).train()
    judge.judgment.bias.requires_grad_(False)
    maps = torch.randn(1, 1, 16, 16, 16, requires_grad=True)
    with fixed(judge):
        first, second = judge(maps, maps), judge(maps, maps)
        assert not any(m.training for m in judge.modules())
    assert torch.equal(first, second)
    first.sum().backward()
    assert maps.grad.any()
    assert all(p.grad is None for p in judge.parameters())
    assert all(m.training for m in judge.modules())
    assert [n for n, p in judge.named_parameters() if not p.requires_grad] == ["judgment.bias"]


def test_a_failure_while_it_is_fixed_leaves_it_as_it_was():
    judge = PatchDiscriminator(1, 1, 4).train()
    with pytest.raises(RuntimeError), fixed(judge):
        judge(torch.zeros(1, 2, 16, 16, 16), torch.zeros(1, 1, 16, 16, 16))
    assert judge.training
    assert all(p.requires_grad for p in judge.parameters())
