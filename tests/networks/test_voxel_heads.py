"""Heads on rows: statistics of the chosen rows while learning, running ones when asked for settled values."""

from __future__ import annotations

import copy

import pytest
import torch

from semivox.networks.voxel_heads import AsRows, RowNorm, predicted, prediction, projection, selector, settled


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


def test_embeddings_lose_whole_channels_of_a_patch_while_learning():
    torch.manual_seed(0)
    as_rows = AsRows(0.5)
    embedding = torch.rand(5, 3, 4, 2, 6) + 1
    found = as_rows(embedding)
    assert found.shape == (5, 4, 2, 6, 3)
    kept = (found != 0).flatten(1, 3)
    assert torch.equal(kept.any(1), kept.all(1))
    assert 0 < kept.float().mean() < 1
    torch.testing.assert_close(found, torch.where(found != 0, 2 * embedding.movedim(1, -1), 0.0))
    assert torch.equal(as_rows.eval()(embedding), embedding.movedim(1, -1))


def test_a_prediction_of_kept_rows_is_that_of_all_and_then_the_choice():
    torch.manual_seed(0)
    project, predict = projection(5, 4).double(), prediction(4).double()
    rows, kept = torch.randn(30, 5).double(), torch.arange(30) % 3 == 0
    slow_project, slow_predict = copy.deepcopy(project), copy.deepcopy(predict)
    slow = slow_predict(slow_project(rows))
    torch.testing.assert_close(predicted(copy.deepcopy(project), copy.deepcopy(predict), rows), slow)
    found = predicted(project, predict, rows, kept)
    torch.testing.assert_close(found, slow[kept])
    found.square().sum().backward()
    slow[kept].square().sum().backward()
    for mine, theirs in ((project, slow_project), (predict, slow_predict)):
        for (name, p), q in zip(mine.named_parameters(), theirs.parameters()):
            torch.testing.assert_close(p.grad, q.grad, msg=name)
        assert all(torch.equal(a, b) or torch.allclose(a, b) for a, b in zip(mine.buffers(), theirs.buffers()))
