"""What every architecture must satisfy, whatever its normalization and strides."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semivox.networks.architecture import Output
from semivox.networks.blueprint import ARCHITECTURES
from semivox.testing.patches import ODD, STRIDES, blueprint, odd_blueprint

pytestmark = pytest.mark.parametrize("kind", sorted(ARCHITECTURES))
NORMS = ["batch", "instance", "group", "none"]


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("norm", NORMS)
def test_output_keeps_its_type_and_shapes(kind, norm, mode):
    plan = odd_blueprint(kind, norm=norm)
    output = plan.segmenter().train(mode)(torch.randn(2, 2, *ODD))
    assert type(output) is Output
    assert output.logits.shape == (2, 3, *ODD)
    assert output.embedding.shape == (2, plan.architecture.embedding, *ODD)
    assert output.extra == {}
    assert output.deep == ()
    sizes, size = [ODD], ODD
    for stride in STRIDES:
        size = tuple(n // s for n, s in zip(size, stride, strict=True))
        sizes.append(size)
    expected = [(2, width, *n) for width, n in zip(plan.architecture.widths, sizes, strict=True)]
    assert [tuple(f.shape) for f in output.features] == expected
    assert [tuple(f.shape) for f in output.scales] == expected
    assert plan.architecture.strides == STRIDES
    assert output.scales[0] is output.embedding


@pytest.mark.parametrize("norm", NORMS)
def test_every_parameter_learns(kind, norm):
    torch.manual_seed(0)
    network = odd_blueprint(kind, norm=norm, dropout=0.0).segmenter({"extra": 2}).train()
    output = network(torch.randn(2, 2, *ODD))
    output.logits.square().mean().add(output.extra["extra"].square().mean()).backward()
    still = {n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    assert not still


def test_deep_heads_say_the_classes_at_their_maps_sizes(kind):
    torch.manual_seed(0)
    plan = odd_blueprint(kind, dropout=0.0)
    network = plan.segmenter(deep=2).train()
    output = network(torch.randn(2, 2, *ODD))
    assert type(output) is Output
    assert [tuple(z.shape) for z in output.deep] == [(2, 3, *m.shape[2:]) for m in output.scales[1:]]
    for head, logits, read in zip(network.deep, output.deep, output.scales[1:], strict=True):
        torch.testing.assert_close(head(read), logits)
    sum(z.square().mean() for z in output.deep).backward()
    assert all(p.grad.any() for p in network.deep.parameters())
    assert output.logits.requires_grad
    assert all(p.grad is None for p in network.heads.parameters())


def test_deep_heads_are_further_weights_and_change_no_others(kind):
    plain, more = [], []
    for deep, names in ((0, plain), (1, more)):
        torch.manual_seed(0)
        names += odd_blueprint(kind).segmenter(deep=deep).state_dict().items()
    assert {name for name, _ in more} - {name for name, _ in plain} == {"deep.0.weight", "deep.0.bias"}
    assert all(torch.equal(value, dict(more)[name]) for name, value in plain)
    with pytest.raises(ValueError, match="3 deep heads, but only 2"):
        odd_blueprint(kind).segmenter(deep=3)


def test_a_rebuilder_segments_as_a_plain_network_and_rebuilds_from_the_deepest_features_alone(kind):
    torch.manual_seed(0)
    plan = odd_blueprint(kind)
    network, plain = plan.rebuilder(4).eval(), plan.segmenter().eval()
    weights = {n: value for n, value in network.state_dict().items() if not n.startswith("rebuilding")}
    plain.load_state_dict(weights, strict=True)
    image = torch.randn(2, 2, *ODD)
    alone, both = network(image), network(image, rebuild="yes")
    assert torch.equal(alone.logits, plain(image).logits)
    assert torch.equal(both.logits, alone.logits)
    assert alone.extra == {}
    rebuilt = both.extra["rebuilt"]
    assert rebuilt.shape == (2, 4, *ODD)
    assert torch.equal(network.rebuilding(both.features[-1]), rebuilt)


@pytest.mark.parametrize("rebuild", ["yes", "held", "constant"])
def test_what_a_loss_on_logits_and_rebuilt_maps_moves(kind, rebuild):
    torch.manual_seed(0)
    network = odd_blueprint(kind, dropout=0.0).rebuilder(4).train()
    output = network(torch.randn(2, 2, *ODD), rebuild=rebuild)
    assert output.logits.requires_grad == (rebuild != "constant")
    (output.logits.square().mean() + output.extra["rebuilt"].square().mean()).backward()
    moved = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == {"encoder", "rebuilding"} | ({"decoders", "heads"} if rebuild == "yes" else set())
    assert all(p.requires_grad for p in network.parameters())
    if rebuild == "held":  # the encoder is moved through the held decoder
        network.zero_grad()
        network(torch.randn(2, 2, *ODD), rebuild="held").logits.square().mean().backward()
        assert any(p.grad is not None and p.grad.any() for p in network.encoder.parameters())


def test_each_channel_and_each_end_of_the_patch_is_read(kind):
    torch.manual_seed(0)
    network = odd_blueprint(kind).segmenter().eval()
    image = torch.randn(1, 2, *ODD, requires_grad=True)
    network(image).logits.square().sum().backward()
    assert (image.grad != 0).flatten(2).any(2).all()
    for axis, n in enumerate(ODD, start=2):
        assert image.grad.select(axis, 0).any()
        assert image.grad.select(axis, n - 1).any()


@pytest.mark.parametrize("norm", NORMS)
def test_evaluation_ignores_batch_neighbors_and_repeats_itself(kind, norm):
    torch.manual_seed(0)
    network = odd_blueprint(kind, norm=norm).segmenter()
    network.train()(torch.randn(2, 2, *ODD) * 2 + 1)  # running statistics that are not those of a batch
    network.eval()
    image = torch.randn(3, 2, *ODD)
    together = network(image).logits
    assert torch.equal(together, network(image).logits)
    for i in range(3):
        torch.testing.assert_close(network(image[[i]]).logits, together[[i]], atol=1e-5, rtol=1e-4)


def test_without_dropout_training_mode_is_deterministic(kind):
    torch.manual_seed(0)
    network = odd_blueprint(kind, dropout=0.0).segmenter().train()
    image = torch.randn(2, 2, *ODD)
    assert torch.equal(network(image).logits, network(image).logits)
    noisy = odd_blueprint(kind, dropout=0.5).segmenter().train()
    assert not torch.equal(noisy(image).logits, noisy(image).logits)


def test_features_survive_the_decoder(kind):
    """In-place layers must not overwrite what Output hands out."""
    torch.manual_seed(0)
    network = odd_blueprint(kind, norm="none").segmenter().eval()
    image = torch.randn(1, 2, *ODD)
    kept = [f.clone() for f in network.encoder(image)]
    output = network(image)
    assert all(torch.equal(a, b) for a, b in zip(kept, output.features, strict=True))
    head = network.heads[0].heads["logits"]
    assert torch.equal(head(output.embedding), output.logits)


def test_the_image_is_left_as_it_was(kind):
    image = torch.randn(1, 2, *ODD)
    kept = image.clone()
    odd_blueprint(kind, norm="none").segmenter()(image)
    assert torch.equal(image, kept)


def test_a_patch_that_does_not_fit_is_refused_with_one_that_does(kind):
    network = odd_blueprint(kind).segmenter()
    with pytest.raises(ValueError, match=r"\(8, 16, 25\) is not divisible by \(2, 4, 4\); \(8, 16, 28\) would be"):
        network(torch.randn(1, 2, 8, 16, 25))
    assert network(torch.randn(1, 2, 2, 8, 12)).logits.shape == (1, 3, 2, 8, 12)


def test_weights_move_strictly_into_a_fresh_network(kind):
    torch.manual_seed(0)
    mine, other = (odd_blueprint(kind).segmenter({"extra": 1}) for _ in range(2))
    image = torch.randn(1, 2, *ODD)
    mine.train()(image)
    other.load_state_dict(mine.state_dict(), strict=True)
    assert torch.equal(mine.eval()(image).logits, other.eval()(image).logits)


def test_width_sets_every_width(kind):
    narrow, wide = (blueprint(kind, width=w).architecture for w in (3, 6))
    assert tuple(2 * w for w in narrow.widths) == wide.widths
    assert 2 * narrow.embedding == wide.embedding


@pytest.mark.parametrize(("norm", "layer"), [("batch", nn.BatchNorm3d), ("instance", nn.InstanceNorm3d)])
def test_every_option_reaches_the_layers(kind, norm, layer):
    assert any(isinstance(m, layer) for m in blueprint(kind, norm=norm).segmenter().modules())
    rates = {
        m.p for m in blueprint(kind, dropout=0.3).segmenter().modules() if isinstance(m, nn.Dropout | nn.Dropout3d)
    }
    assert 0.3 in rates
    assert rates <= {0.0, 0.3}
