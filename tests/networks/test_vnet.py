"""The V-Net of the left-atrium benchmarks, number by number."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from semivox.networks.blueprint import Blueprint
from semivox.networks.segmenter import Single
from semivox.networks.vnet import VNet


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def on_paper(classes: int = 2, **options) -> Single:
    """The full network without memory: shapes and counts only."""
    with torch.device("meta"):
        return Blueprint(VNet(**options), 1, classes).segmenter()


def small(**options) -> Single:
    torch.manual_seed(0)
    return Blueprint(VNet(width=4, convolutions=(1, 1, 1), strides=((2, 2, 2),) * 2, **options), 1, 2).segmenter()


@pytest.mark.parametrize(
    ("classes", "norm", "parameters"),
    [(2, "batch", 9_448_866), (1, "batch", 9_448_849), (2, "none", 9_443_266), (2, "group", 9_448_866)],
)
def test_parameter_totals_are_the_benchmarks(classes, norm, parameters):
    assert count(on_paper(classes, norm=norm)) == parameters


def test_parameters_of_each_stage_are_the_benchmarks():
    network = on_paper()
    decoder = network.decoders[0]
    assert [count(b) for b in network.encoder.blocks] == [480, 55_488, 332_352, 1_328_256, 5_310_720]
    assert [count(d) for d in network.encoder.down] == [4_192, 16_576, 65_920, 262_912]
    assert [count(u) for u in decoder.up] == [4_144, 16_480, 65_728, 262_528]
    assert [count(b) for b in decoder.blocks] == [6_960, 55_488, 332_352, 1_328_256]
    assert count(network.heads) == 34


def test_normalization_layers_and_their_buffers():
    network = on_paper()
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    assert len(layers) == 29
    assert {(layer.eps, layer.momentum) for layer in layers} == {(1e-5, 0.1)}
    assert sum(b.numel() for b in network.buffers()) == 5_629


def test_multiply_adds_of_the_benchmark_patch():
    with FlopCounterMode(display=False) as counter:
        on_paper()(torch.zeros(1, 1, 112, 112, 80, device="meta"))
    assert counter.get_total_flops() / 2 / 1e9 == pytest.approx(40.108, abs=0.001)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_smallest_patch_keeps_its_shape(classes):
    network = Blueprint(VNet(width=2), 1, classes).segmenter().eval()
    output = network(torch.zeros(1, 1, 16, 16, 16))
    assert output.logits.shape == (1, classes, 16, 16, 16)
    assert [tuple(f.shape[1:]) for f in output.features] == [(2 * 2**i, *(16 // 2**i,) * 3) for i in range(5)]


def test_a_patch_that_cannot_be_halved_is_refused_with_one_that_can():
    with pytest.raises(ValueError, match=r"\(15, 16, 16\).*\(16, 16, 16\).*\(16, 16, 16\) would be"):
        on_paper()(torch.zeros(1, 1, 15, 16, 16, device="meta"))


def test_training_mode_is_random_and_only_by_dropout():
    image = torch.randn(2, 1, 8, 8, 8)
    network = small().train()
    assert not torch.equal(network(image).logits, network(image).logits)
    still = small(dropout=0).train()
    assert torch.equal(still(image).logits, still(image).logits)
    for module in network.modules():  # dropout off with normalization frozen: the deterministic pass
        if isinstance(module, nn.Dropout3d | nn.BatchNorm3d):
            module.eval()
    assert torch.equal(network(image).logits, network(image).logits)


def test_both_dropout_sites_drop_whole_channels_and_scale_the_others_by_two():
    network = small().train()
    before, after = {}, {}
    for name, site in {"deepest": network.encoder.dropout, "heads": network.heads[0].dropout}.items():
        site.register_forward_pre_hook(lambda m, given, name=name: before.update({name: given[0]}))
        site.register_forward_hook(lambda m, given, out, name=name: after.update({name: out}))
    output = network(torch.randn(4, 1, 8, 8, 8))
    for name in ("deepest", "heads"):
        whole = (after[name] == 0).flatten(2).all(2)  # (B, C)
        alive = ~whole & ~(before[name] == 0).flatten(2).all(2)
        assert whole.any()
        assert alive.any()
        assert torch.equal(after[name][alive], 2 * before[name][alive])
        assert torch.equal(after[name][whole], torch.zeros_like(after[name][whole]))
    # the embedding is what stands before the head's dropout, the deepest features what stands after theirs
    assert torch.equal(output.embedding, before["heads"])
    assert torch.equal(output.features[-1], after["deepest"])


def test_exactly_two_dropout_sites():
    sites = [m for m in on_paper().modules() if isinstance(m, nn.Dropout3d)]
    assert [m.p for m in sites] == [0.5, 0.5]


def test_skips_are_added_after_the_up_samplings_own_relu():
    network = small().train()
    silent = network.decoders[0].up[0]
    with torch.no_grad():
        for p in silent.parameters():
            p.zero_()
    seen = []
    network.decoders[0].blocks[0].register_forward_pre_hook(lambda m, given: seen.append(given[0].clone()))
    output = network(torch.randn(2, 1, 8, 8, 8))
    assert torch.equal(seen[0], output.features[0])


def test_up_sampling_cannot_lower_a_skip():
    network = small().train()
    seen = []
    network.decoders[0].blocks[0].register_forward_pre_hook(lambda m, given: seen.append(given[0].clone()))
    output = network(torch.randn(2, 1, 8, 8, 8))
    assert (seen[0] >= output.features[0]).all()
    assert (seen[0] > output.features[0]).any()


def test_levels_and_strides_must_match():
    with pytest.raises(ValidationError, match="3 levels need 2 strides"):
        VNet(convolutions=(1, 2, 3))


def test_coarser_maps_add_their_interpolated_logits():
    plain, fused = (VNet(width=2, convolutions=(1, 1, 1), strides=((2, 2, 1), (2, 2, 2)), coarse=n) for n in (0, 5))
    assert (plain.coarse_logits, fused.coarse_logits) == (0, 2)
    torch.manual_seed(0)
    network = Blueprint(fused, 1, 3).segmenter(deep=1).eval()
    image = torch.randn(1, 1, 8, 8, 4)
    output = network(image)
    alone = network.heads[0].heads["logits"](output.embedding)
    first, second = (head(map_) for head, map_ in zip(network.coarse[0].heads, output.scales[1:], strict=True))
    second = functional.interpolate(second, first.shape[2:], mode="trilinear")
    up = functional.interpolate(first + second, (8, 8, 4), mode="trilinear")
    torch.testing.assert_close(output.logits, alone + up)
    assert len(output.deep) == 1
    assert not Blueprint(plain, 1, 3).segmenter().coarse  # so that the weights of earlier models still fit
    pair = Blueprint(fused, 1, 3).segmenters(("transposed", "shallow"))(image)
    assert [one.logits.shape for one in pair] == [(1, 3, 8, 8, 4)] * 2
