"""Within, nothing of a pass is remembered, and its values are those of training."""

from __future__ import annotations

import copy

import pytest
import torch

from semivox.networks.statistics import statistics_kept
from tests.contract.examples import ODD, odd_blueprint


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_pass_leaves_no_trace_and_has_the_values_of_training(norm):
    torch.manual_seed(0)
    network = odd_blueprint(norm=norm, dropout=0.0).segmenter().train()
    image = torch.randn(2, 2, *ODD) * 3 + 1
    expected = copy.deepcopy(network)(image).logits
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with statistics_kept(network):
        assert torch.equal(network(image).logits, expected)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_afterwards_it_remembers_again_even_after_an_error():
    network = odd_blueprint(dropout=0.0).segmenter().train()
    with pytest.raises(KeyError), statistics_kept(network):
        raise KeyError
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.randn(2, 2, *ODD))
    assert any(not torch.equal(value, before[name]) for name, value in network.state_dict().items())
