"""Weights made for one image channel and halved axes give the same answer in layers of others."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.networks.fitted import fitted


def test_several_channels_of_the_same_image_give_the_answer_of_one():
    one, three = nn.Conv3d(1, 4, 3, bias=False), nn.Conv3d(3, 4, 3, bias=False)
    three.weight.data = fitted(one.weight.data, three.weight.shape, three)
    image = torch.randn(1, 1, 5, 5, 5)
    assert torch.allclose(three(image.repeat(1, 3, 1, 1, 1)), one(image), atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_that_is_not_halved_gives_the_answer_where_nothing_changes_along_it(axis):
    stride = tuple(1 if place == axis else 2 for place in range(3))
    halving, other = nn.Conv3d(2, 3, 2, stride=2), nn.Conv3d(2, 3, stride, stride=stride)
    other.weight.data, other.bias.data = fitted(halving.weight.data, other.weight.shape, other), halving.bias.data
    image = torch.randn(1, 2, 4, 4, 4).mean(axis + 2, keepdim=True).repeat_interleave(4, axis + 2)
    assert torch.allclose(other(image).narrow(axis + 2, 0, 2), halving(image), atol=1e-6)
    growing, up = nn.ConvTranspose3d(2, 3, 2, stride=2), nn.ConvTranspose3d(2, 3, stride, stride=stride)
    up.weight.data = fitted(growing.weight.data, up.weight.shape, up)
    assert torch.allclose(up.weight, growing.weight.mean(axis + 2, keepdim=True))


def test_what_cannot_be_made_to_fit_stays_as_it_is():
    layer = nn.Conv3d(4, 4, 3)
    for shape in ((4, 5, 3, 3, 3), (8, 4, 3, 3, 3), (4,)):
        assert torch.equal(fitted(layer.weight.data, shape, layer), layer.weight.data)
