"""URPC's U-Net, number by number."""

from __future__ import annotations

import torch
from torch import nn

from semivox.networks.blueprint import Blueprint
from semivox.networks.pyramid_unet import PyramidUNet


def test_sizes_are_the_authors():
    with torch.device("meta"):
        network = Blueprint(PyramidUNet(), 1, 2).segmenter(deep=3)
        output = network(torch.empty(1, 1, 32, 32, 16))
    assert sum(p.numel() for p in network.parameters()) == 5_884_504
    assert [s.shape[1] for s in output.scales] == [16, 32, 64, 128, 256]
    assert not list(network.buffers())  # instance normalization keeps no statistics


def test_dropout_of_channels_fades_from_the_deepest_decoder_level():
    decoder = PyramidUNet().decoder()
    assert [site.p for site in decoder.dropouts] == [0.1, 0.2, 0.3, 0.5]
    assert all(isinstance(site, nn.Dropout3d) for site in decoder.dropouts)


def test_what_is_dropped_reaches_the_finer_levels():
    """The authors drop on the way up, not beside it: maps below hold whole channels of zeros."""
    torch.manual_seed(0)
    network = Blueprint(PyramidUNet(width=8), 1, 2).segmenter().train()
    scales = network(torch.randn(1, 1, 32, 32, 32)).scales
    empty = [(~scale.flatten(2).any(2)).float().mean().item() for scale in scales[:-1]]
    assert empty[-1] > 0.3


def test_up_sampling_is_linear_with_the_faces_in_place():
    up = PyramidUNet(strides=((1, 1, 2),)).decoder().up[0]
    ramp = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 1, 2)
    assert up(ramp).flatten().tolist() == [0.0, 0.25, 0.75, 1.0]
