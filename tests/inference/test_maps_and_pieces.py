"""Uncertainty maps have their known values; the largest piece of each class stays."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from semivox.functional.components import largest_components
from semivox.inference.maps import disagreement, entropy
from semivox.inference.mirror import mirrored


def test_entropy_is_in_nats_and_exact_at_certainty():
    probabilities = torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]]).T
    torch.testing.assert_close(entropy(probabilities), torch.tensor([0.0, math.log(3), math.log(2)]))


def test_disagreement_is_total_variation():
    p, q = torch.tensor([[1.0, 0.5], [0.0, 0.5]]), torch.tensor([[0.0, 0.25], [1.0, 0.75]])
    torch.testing.assert_close(disagreement(p, q), torch.tensor([1.0, 0.25]))
    assert disagreement(p, p).abs().max() == 0


def test_mirroring_leaves_an_equivariant_network_alone():
    image = torch.rand(2, 1, 4, 5, 6)
    torch.testing.assert_close(mirrored(torch.sigmoid, (True, True, True))(image), torch.sigmoid(image))


@pytest.mark.parametrize("axes", [(True, True, True), (False, True, False), (True, False, True), (False,) * 3])
def test_mirroring_averages_over_the_allowed_axes_only(axes):
    image = torch.rand(1, 1, 4, 5, 6)
    ramp = torch.arange(4 * 5 * 6).view(1, 1, 4, 5, 6) / 7.0
    calls = []

    def network(x):
        calls.append(x)
        return x * ramp

    result = mirrored(network, axes)(image)
    allowed = [axis + 2 for axis in range(3) if axes[axis]]
    mean = ramp
    for axis in allowed:
        mean = (mean + mean.flip(axis)) / 2
    torch.testing.assert_close(result, image * mean)
    assert len(calls) == 2 ** len(allowed)


def test_keeps_the_largest_piece_of_each_class_as_scipy_finds_it():
    label = (np.random.default_rng(3).random((14, 15, 16)) * 40).astype(np.uint8)
    label[label > 2] = 0
    before, result = label.copy(), largest_components(label)
    np.testing.assert_array_equal(label, before)
    for value in (1, 2):
        pieces, count = ndimage.label(label == value, np.ones((3, 3, 3)))
        sizes = ndimage.sum_labels(label == value, pieces, range(1, count + 1))
        np.testing.assert_array_equal(result == value, pieces == 1 + int(np.argmax(sizes)))


def test_diagonal_neighbors_belong_together_and_the_first_of_equals_stays():
    label = np.zeros((6, 6, 6), np.uint16)
    label[0, 0, 5] = label[1, 1, 4] = 1  # touch at a corner: one piece of two voxels, the first in memory order
    label[3, 0, 0:2] = 1
    expected = np.zeros_like(label)
    expected[0, 0, 5] = expected[1, 1, 4] = 1
    np.testing.assert_array_equal(largest_components(label), expected)
    assert not largest_components(np.zeros((3, 3, 3), np.uint8)).any()
