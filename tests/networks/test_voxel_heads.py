"""Heads on rows: statistics of the chosen rows while learning, running ones when asked for settled values."""

from __future__ import annotations

import copy

import pytest
import torch

from semivox.networks.voxel_heads import RowNorm, prediction, projection, selector, settled


def test_parameters():
    """3840 for 16 -> 32 -> 32 and 32 -> 32 -> 32; 1153 for a selector."""
    count = [sum(p.numel() for p in part.parameters()) for part in (projection(16, 32), prediction(32), selector(32))]
    assert count == [1664, 2176, 1153]


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_for_statistics_get_the_running_ones(rows):
    torch.manual_seed(0)
    norm = RowNorm(3)
    norm(torch.randn(50, 3) * 2 + 1)
    kept = norm.running_mean.clone()
    values = torch.randn(rows, 3, requires_grad=True)
    found = norm(values)
    torch.testing.assert_close(found, (values - kept) / (norm.running_var + norm.eps).sqrt())
    assert torch.equal(norm.running_mean, kept)
    found.sum().backward()
    assert norm.weight.grad is not None  # connected: a distributed run waits for every gradient


def test_settled_is_evaluation_and_leaves_no_trace():
    torch.manual_seed(0)
    head = prediction(4)
    head(torch.randn(50, 4) * 3)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    rows = torch.randn(7, 4)
    found = settled(head, rows)
    assert head.training
    assert not found.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())
    torch.testing.assert_close(found, copy.deepcopy(head).eval()(rows))
    assert not torch.allclose(found, head(rows))
