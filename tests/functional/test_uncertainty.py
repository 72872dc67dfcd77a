"""Entropies and the limit below which a voxel is certain."""

from __future__ import annotations

import math

import pytest
import torch

from semivox.functional.uncertainty import entropy_limit, entropy_of_probabilities, monte_carlo
from tests.contract.examples import logit


@pytest.mark.parametrize(("t", "limit"), [(0, 0.5210280), (3000, 0.5695079), (6000, 0.6931472)])
def test_limit_of_two_classes(t, limit):
    assert entropy_limit(t, 6000, 2) == pytest.approx(limit, abs=5e-8)


def test_limit_of_three_classes():
    assert entropy_limit(0, 6000, 3) == pytest.approx(0.8258, abs=5e-5)
    assert entropy_limit(6000, 6000, 3) == pytest.approx(math.log(3))


def test_a_uniform_voxel_is_uncertain_until_the_end():
    for classes in (2, 3, 5):
        uniform = torch.full((1, classes, 1, 1, 1), 1 / classes)
        entropy = entropy_of_probabilities(uniform).item()
        assert entropy == pytest.approx(math.log(classes), abs=1e-5)
        assert all(entropy >= entropy_limit(t, 100, classes) for t in range(100))


def test_five_passes_mean_of_entropies_and_entropy_of_mean():
    mean, expected = monte_carlo(logit([p]) for p in (0.9, 0.8, 0.6, 0.7, 0.5))
    assert mean[0, 1].item() == pytest.approx(0.7, abs=1e-6)
    assert expected.item() == pytest.approx(0.5605017, abs=5e-7)
    predictive = entropy_of_probabilities(mean).item()
    assert predictive == pytest.approx(0.6108643, abs=2.5e-6)  # the 1e-6 in the logarithm lowers it by 2e-6
    assert entropy_limit(0, 6000, 2) < expected.item() < entropy_limit(3000, 6000, 2) < predictive


def test_two_passes_that_contradict():
    mean, expected = monte_carlo([logit([0.9]), logit([0.1])])
    assert mean[0, 1].item() == pytest.approx(0.5)
    assert entropy_of_probabilities(mean).item() == pytest.approx(0.6931452, abs=2e-7)
    assert expected.item() == pytest.approx(0.3250830, abs=2e-7)
    assert expected.item() < entropy_limit(0, 6000, 2) < entropy_of_probabilities(mean).item()


def test_at_the_end_every_voxel_passes():
    assert entropy_of_probabilities(torch.full((1, 2, 1, 1, 1), 0.5)).item() < entropy_limit(6000, 6000, 2)


def test_running_sums_equal_the_stack():
    torch.manual_seed(0)
    passes = torch.randn(8, 2, 3, 4, 4, 4) * 3
    kept = passes.clone()
    mean, expected = monte_carlo(iter(passes))
    stacked = passes.double().softmax(2)
    torch.testing.assert_close(mean.double(), stacked.mean(0), atol=1e-7, rtol=0)
    torch.testing.assert_close(expected.double(), torch.special.entr(stacked).sum(2).mean(0), atol=5e-7, rtol=0)
    assert torch.equal(passes, kept)


def test_one_pass_is_its_own_mean():
    logits = torch.randn(1, 2, 3, 3, 3)
    mean, expected = monte_carlo([logits])
    torch.testing.assert_close(mean, logits.softmax(1))
    torch.testing.assert_close(expected, torch.special.entr(logits.softmax(1)).sum(1))


def test_no_pass_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        monte_carlo([])


def test_entropy_of_a_sure_network_is_zero_with_finite_gradient():
    logits = torch.tensor([500.0, -500.0]).reshape(1, 2, 1, 1, 1).requires_grad_()
    _, entropy = monte_carlo([logits])
    entropy.sum().backward()
    assert entropy.item() == 0
    assert torch.isfinite(logits.grad).all()


def test_entropies_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        logits = torch.randn(1, 4, 8) @ torch.randn(8, 3)  # bfloat16
        assert logits.dtype == torch.bfloat16
        logits = logits.movedim(-1, 1)[..., None, None]
        mean, expected = monte_carlo([logits, logits])
        found = (expected, mean, entropy_of_probabilities(mean))
    assert [value.dtype for value in found] == [torch.float32] * 3
    torch.testing.assert_close(found[0], torch.special.entr(logits.double().softmax(1)).sum(1).float())


@pytest.mark.parametrize("limit", [0.0, 0.3, 0.5210280])
def test_certain_and_uncertain_share_out_all_voxels(limit):
    entropy = torch.tensor([0.0, limit, limit - 1e-3, limit + 1e-3, 0.7])
    certain = entropy < torch.tensor(limit)
    assert (certain.int() + (~certain).int() == 1).all()
    assert not certain[1]  # exactly at the limit is uncertain
