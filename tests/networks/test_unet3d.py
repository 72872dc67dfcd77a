"""The 3D U-Net of the embedding-matching paper, number by number."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from semivox.networks.blueprint import Blueprint
from semivox.networks.convolution import Conv3d
from semivox.networks.segmenter import Single
from semivox.networks.unet3d import UNet3D


def on_paper(channels: int = 1, classes: int = 2, **options) -> Single:
    """The full network without memory: shapes and counts only."""
    with torch.device("meta"):
        return Blueprint(UNet3D(**options), channels, classes).segmenter()


def small(**options) -> Single:
    torch.manual_seed(0)
    return Blueprint(UNet3D(width=2, **options), 1, 2).segmenter()


def counts(network: nn.Module) -> dict[str, int]:
    """Parameters by kind."""
    found = {"weights": 0, "conv biases": 0, "head biases": 0, "norm": 0, "transposed biases": 0}
    for layer in network.modules():
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
            found["weights"] += layer.weight.numel()
            kind = "transposed biases" if isinstance(layer, nn.ConvTranspose3d) else "conv biases"
            found["head biases" if layer.kernel_size == (1, 1, 1) else kind] += layer.bias.numel()
        elif isinstance(layer, nn.BatchNorm3d):
            found["norm"] += layer.weight.numel() + layer.bias.numel()
    return found


def test_the_2016_network_has_the_2016_count():
    found = counts(on_paper(3, 3, width=32))
    assert found["weights"] == 19_067_616
    assert found["conv biases"] == 2_336
    assert found["weights"] + found["conv biases"] + found["head biases"] == 19_069_955


def test_half_its_width_has_the_papers_count():
    network = on_paper()
    assert counts(network) == {
        "weights": 4_766_704,
        "conv biases": 1_168,
        "head biases": 2,
        "norm": 2_336,
        "transposed biases": 448,
    }
    assert sum(p.numel() for p in network.parameters()) == 4_770_658
    assert sum(p.numel() for p in on_paper(classes=3).parameters()) == 4_770_658 + 33


def test_shapes_of_the_full_network():
    output = on_paper()(torch.zeros(2, 1, 64, 64, 64, device="meta"))
    assert output.logits.shape == (2, 2, 64, 64, 64)
    assert output.embedding.shape == (2, 32, 64, 64, 64)
    assert output.features[-1].shape == (2, 256, 8, 8, 8)
    assert [f.shape[1] for f in output.scales] == [32, 64, 128, 256]


def test_channels_double_in_the_second_unit_and_skips_are_concatenated():
    network = on_paper()
    shapes = [(m.in_channels, m.out_channels) for m in network.modules() if isinstance(m, nn.Conv3d)]
    encoder = [(1, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 256)]
    decoder = [(96, 32), (32, 32), (192, 64), (64, 64), (384, 128), (128, 128)]
    assert shapes == [*encoder, *decoder, (32, 2)]
    grow = [(m.in_channels, m.out_channels) for m in network.modules() if isinstance(m, nn.ConvTranspose3d)]
    assert grow == [(64, 64), (128, 128), (256, 256)]


def test_a_side_that_eight_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"\(12, 16, 16\).*not divisible by \(8, 8, 8\).*\(16, 16, 16\)"):
        on_paper()(torch.zeros(1, 1, 12, 16, 16, device="meta"))


def test_fourteen_dropout_sites_each_behind_its_relu():
    network = on_paper()
    sites = [m for m in network.modules() if isinstance(m, nn.Dropout)]
    assert [m.p for m in sites] == [0.15] * 14
    units = [m for m in network.modules() if isinstance(m, nn.Sequential) and isinstance(m[-1], nn.Dropout)]
    assert [[type(layer) for layer in m] for m in units] == [[Conv3d, nn.BatchNorm3d, nn.ReLU, nn.Dropout]] * 14
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout3d)] == [0.0]  # none of the head's own


def test_the_head_reads_the_embedding():
    network = small().train()
    seen = []
    network.heads[0].heads["logits"].register_forward_pre_hook(lambda m, given: seen.append(given[0]))
    output = network(torch.randn(1, 1, 16, 16, 16))
    assert torch.equal(seen[0], output.embedding)
    assert torch.equal(output.scales[0], output.embedding)


def test_dropout_is_element_wise():
    network = small(norm="none", dropout=0.5).train()
    embedding = network(torch.randn(1, 1, 16, 16, 16)).embedding
    zero = (embedding == 0).flatten(2).float().mean(2)
    assert (zero < 1).any()
    assert (zero[zero < 1] > 0.3).all()


def test_evaluation_is_deterministic_and_training_is_not():
    network, image = small(), torch.randn(1, 1, 16, 16, 16)
    assert not torch.equal(network.train()(image).logits, network(image).logits)
    assert torch.equal(network.eval()(image).logits, network(image).logits)


def test_he_initialization():
    torch.manual_seed(0)
    network = Blueprint(UNet3D(), 1, 2).segmenter()
    second = network.encoder.blocks[1][0][0]
    assert (second.in_channels, second.out_channels) == (32, 32)
    assert second.weight.std().item() == pytest.approx(math.sqrt(2 / (27 * 32)), rel=0.03)
    up = network.decoders[0].up[-1]  # each output voxel sums over input channels only
    assert up.weight.std().item() == pytest.approx(math.sqrt(2 / 256), rel=0.03)
    for layer in [*network.encoder.modules(), *network.decoders.modules()]:
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
            assert not layer.bias.any()


def test_dropout_of_channels_takes_whole_ones():
    sites = {
        kind: [type(m) for m in small(dropout_of=kind).modules() if "Dropout" in type(m).__name__ and m.p]
        for kind in ("element", "channel")
    }
    assert sites["element"] == [nn.Dropout] * 14
    assert sites["channel"] == [nn.Dropout3d] * 14
