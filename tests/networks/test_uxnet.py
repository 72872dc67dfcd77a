"""3D UX-Net, number by number."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semivox.networks.blueprint import Blueprint
from semivox.networks.segmenter import Single
from semivox.networks.uxnet import ChannelMLP, LayerNorm, ResidualBlock, UXBlock, UXNet
from tests.fresh import printed


def on_paper(channels: int = 1, classes: int = 2, **options) -> Single:
    """The full network without memory: shapes and counts only."""
    with torch.device("meta"):
        return Blueprint(UXNet(**options), channels, classes).segmenter()


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_the_papers_node_by_node():
    network = on_paper()
    assert count(network) == 53_005_922
    assert count(network.encoder.stages) == 1_311_936
    assert [count(b) for b in network.encoder.blocks] == [63_552, 377_856, 1_511_424, 6_045_696, 24_182_784]
    decoder = network.decoders[0]
    nodes = [count(up) + count(block) for up, block in zip(decoder.up, decoder.blocks)]
    assert nodes == [228_096, 912_384, 3_649_536, 14_598_144]
    assert count(network) - count(on_paper(closing=0)) == 2 * 27 * 48**2
    assert [count(UXBlock(width, 1e-6, 0.0)) for width in (5, 48)] == [360 * 5, 360 * 48]


@pytest.mark.parametrize(
    ("patch", "sizes"),
    [
        ((112, 112, 80), [(112, 112, 80), (56, 56, 40), (28, 28, 20), (14, 14, 10), (7, 7, 5)]),
        ((96, 96, 96), [(n, n, n) for n in (96, 48, 24, 12, 6)]),
    ],
)
def test_shapes_of_the_full_network(patch, sizes):
    network = on_paper()
    image = torch.zeros(1, 1, *patch, device="meta")
    expected = [(1, 48 * 2**i, *size) for i, size in enumerate(sizes)]
    stages = network.encoder.stages(image)
    assert [tuple(s.shape) for s in stages] == [(1, 48 * 2**i, *size) for i, size in enumerate(sizes[1:])]
    output = network(image)
    assert [tuple(f.shape) for f in output.features] == expected
    assert [tuple(f.shape) for f in output.scales] == expected
    assert output.logits.shape == (1, 2, *patch)


def test_each_channel_has_a_perceptron_of_its_own():
    torch.manual_seed(0)
    mlp, x = ChannelMLP(5), torch.randn(2, 5, 3, 4, 2)
    grouped = mlp.gather(F.gelu(mlp.spread(x)))
    torch.testing.assert_close(mlp(x), grouped, atol=1e-6, rtol=1e-5)
    w1, b1, w2, b2 = (p.detach().flatten() for p in (*mlp.spread.parameters(), *mlp.gather.parameters()))
    for c in range(5):
        own = range(4 * c, 4 * c + 4)
        slow = sum(w2[i] * F.gelu(w1[i] * x[:, c] + b1[i]) for i in own) + b2[c]
        torch.testing.assert_close(mlp(x)[:, c], slow, atol=1e-6, rtol=1e-5)


def test_its_gradients_are_those_of_grouped_convolutions():
    torch.manual_seed(0)
    mlp, x = ChannelMLP(3).double(), torch.randn(2, 3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    inputs = [x, *mlp.parameters()]
    mine = torch.autograd.grad(mlp(x).square().sum(), inputs)
    theirs = torch.autograd.grad(mlp.gather(F.gelu(mlp.spread(x))).square().sum(), inputs)
    for one, other in zip(mine, theirs):
        torch.testing.assert_close(one, other)


def test_a_block_mixes_channels_only_through_normalization():
    """Permuted channels and weights give the permuted output; without the norm a channel sees itself alone."""
    torch.manual_seed(0)
    block, x = UXBlock(4, 0.5, 0.0), torch.randn(1, 4, 6, 6, 6)
    nn.init.normal_(block.norm.weight)
    order = torch.tensor([2, 0, 3, 1])
    other = UXBlock(4, 0.5, 0.0)
    state = {}
    for name, value in block.state_dict().items():
        groups = value.unflatten(0, (4, -1))[order].flatten(0, 1)
        state[name] = groups
    other.load_state_dict(state)
    torch.testing.assert_close(other(x[:, order]), block(x)[:, order])
    block.norm = nn.Identity()
    changed = x.clone()
    changed[:, 1] += 1
    same = (block(changed) == block(x)).flatten(2).all(2)[0]
    assert same.tolist() == [True, False, True, True]


def test_a_fresh_block_is_almost_the_identity():
    torch.manual_seed(0)
    x = torch.randn(1, 8, 8, 8, 8)
    change = UXBlock(8, 1e-6, 0.0)(x) - x
    assert 0 < change.abs().max() < 1e-5


def test_layer_normalization_is_over_the_channels_of_a_voxel():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 3, 4, 5) * 3 + 2
    mean, var = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
    torch.testing.assert_close(LayerNorm(6)(x), (x - mean) / (var + 1e-6).sqrt(), atol=1e-5, rtol=1e-5)


def test_outputs_are_normalized_but_what_goes_on_is_not():
    torch.manual_seed(0)
    stages = Blueprint(UXNet(width=4, strides=((2, 2, 2),) * 2), 1, 2).segmenter().encoder.stages
    image = torch.randn(1, 1, 16, 16, 16)
    before = stages(image)
    with torch.no_grad():
        stages.norms[0].weight.mul_(3)
    after = stages(image)
    torch.testing.assert_close(after[0], 3 * before[0])
    assert torch.equal(after[1], before[1])


def test_dropped_paths_keep_the_expectation_and_rise_linearly():
    network = Blueprint(UXNet(width=2, drop_path=0.3), 1, 2).segmenter()
    blocks = [m for m in network.modules() if isinstance(m, UXBlock)]
    assert [b.skipped for b in blocks] == pytest.approx([0.3 * i / 7 for i in range(8)])
    torch.manual_seed(0)
    block, x = UXBlock(2, 1.0, 0.5), torch.randn(1, 2, 4, 4, 4)
    change = block.eval()(x) - x
    drawn = block.train()(x.expand(400, -1, -1, -1, -1)) - x
    kept = drawn.flatten(1).abs().sum(1) > 0
    assert 150 < kept.sum() < 250
    torch.testing.assert_close(drawn[kept], (2 * change).expand(int(kept.sum()), -1, -1, -1, -1), atol=1e-5, rtol=1e-4)


def test_the_closing_block_can_be_left_out():
    torch.manual_seed(0)
    network = Blueprint(UXNet(width=2, strides=((2, 2, 2),), closing=0), 1, 2).segmenter()
    assert len(network.decoders[0].closing) == 0
    output = network(torch.randn(1, 1, 8, 8, 8))
    assert output.embedding.shape == (1, 2, 8, 8, 8)


@pytest.mark.parametrize("widths", [(3, 4), (4, 4)])
@pytest.mark.parametrize(
    ("norm", "theirs"),
    [
        ("instance", ("instance", {"affine": False})),
        ("instance_plain", ("instance", {"affine": False})),
        ("batch", "batch"),
        ("group", ("group", {"num_groups": 4})),
        ("none", ""),
    ],
)
def test_the_residual_block_is_that_of_unetr(norm, theirs, widths):
    from monai.networks.blocks.dynunet_block import UnetResBlock

    torch.manual_seed(0)
    ours = ResidualBlock(*widths, norm)
    torch.manual_seed(0)
    block = UnetResBlock(3, *widths, kernel_size=3, stride=1, norm_name=theirs)
    assert list(ours.state_dict()) == list(block.state_dict())
    assert all(torch.equal(value, block.state_dict()[name]) for name, value in ours.state_dict().items())
    x = torch.randn(2, widths[0], 5, 6, 7, requires_grad=True)
    found, wanted = ours(x), block(x)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    slopes = [torch.autograd.grad((out * out).sum(), x)[0] for out in (found, wanted)]
    torch.testing.assert_close(*slopes, atol=1e-4, rtol=1e-5)


def test_monai_is_not_needed():
    printed(
        "import sys\n"
        "from semivox.networks.blueprint import Blueprint, architecture\n"
        "Blueprint(architecture('uxnet', {'width': 2}), 1, 2).segmenter()\n"
        "assert 'monai' not in sys.modules\n"
    )
