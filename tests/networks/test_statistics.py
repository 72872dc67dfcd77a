"""Within, nothing of a pass is remembered, and its values are those of training."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from semivox.networks.statistics import StatisticsKept
from semivox.testing.patches import ODD, odd_blueprint


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(network: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_pass_leaves_no_trace_and_has_the_values_of_training(norm):
    torch.manual_seed(0)
    network = odd_blueprint(norm=norm, dropout=0.0).segmenter().train()
    image = torch.randn(2, 2, *ODD) * 3 + 1
    expected = copy.deepcopy(network)(image).logits
    before = state(network)
    with StatisticsKept(network):
        assert torch.equal(network(image).logits, expected)
    assert same(network, before)


def test_afterwards_it_remembers_again_even_after_an_error():
    network = odd_blueprint(dropout=0.0).segmenter().train()
    with pytest.raises(KeyError), StatisticsKept(network):
        raise KeyError
    before = state(network)
    network(torch.randn(2, 2, *ODD))
    assert not same(network, before)


def test_the_buffers_themselves_come_back_as_processes_share_them():
    network = odd_blueprint(dropout=0.0).segmenter().train()
    before = [id(buffer) for buffer in network.buffers()]
    with StatisticsKept(network):
        network(torch.randn(2, 2, *ODD))
    assert [id(buffer) for buffer in network.buffers()] == before


def test_values_beyond_every_number_leave_no_trace():
    network = nn.BatchNorm3d(1)
    before = state(network)
    with StatisticsKept(network):
        network(torch.full((1, 1, 2, 2, 2), torch.inf))
    assert same(network, before)


def test_within_itself():
    network, image = nn.BatchNorm3d(1), torch.randn(2, 1, 2, 2, 2)
    before, kept = state(network), StatisticsKept(network)
    with kept:
        with kept:
            network(image)
        network(image)
    assert same(network, before)


def test_a_recomputed_pass_counts_once_however_often_gradients_are_asked_for():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 3), nn.BatchNorm3d(2), nn.GELU())
    image = torch.randn(2, 1, 5, 5, 5)
    once = copy.deepcopy(network)
    once(image)
    out = checkpoint(
        network,
        image,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), StatisticsKept(network)),
    )
    out.square().sum().backward(retain_graph=True)
    out.square().sum().backward()
    assert same(network, state(once))
