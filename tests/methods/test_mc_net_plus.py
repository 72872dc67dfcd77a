"""MC-Net+, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from semivox.methods.mc_net_plus import MCNetPlus
from semivox.networks.blueprint import Blueprint
from semivox.networks.vnet import VNet
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import build, turn
from tests.methods.answers import answering as of_mc_net
from tests.methods.answers import count

answering = partial(of_mc_net, name="mc_net_plus")


def terms(*probabilities: list[float], **options) -> dict[str, float]:
    return {name: term.item() for name, term in turn(*answering(*probabilities, **options)).terms.items()}


def test_the_network_is_the_authors():
    with torch.device("meta"):
        network = MCNetPlus(MCNetPlus.Config(), Blueprint(VNet(), 1, 2)).network
    assert count(network) == 15_246_566
    assert count(network.encoder) == 7_376_896
    each = [count(d) + count(h) for d, h in zip(network.decoders, network.heads, strict=True)]
    assert each == [2_071_970, 2_898_850, 2_898_850]


def test_three_views_of_one_voxel():
    assert terms([0.6], [0.7], [0.5])["consistency"] == pytest.approx(0.772932, abs=2e-6)
    assert terms([0.9], [0.9], [0.9])["consistency"] == pytest.approx(0.06, abs=1e-6)
    assert terms([0.6], [0.7])["consistency"] == pytest.approx(0.239896, abs=1e-6)  # MC-Net's


def test_sums_grow_with_the_decoders_and_means_do_not():
    """From two equal decoders to three: 1.5 times the supervised loss and 3 times the consistency."""
    two, three = ([[0.8, 0.6, 0.1, 0.1]] * n for n in (2, 3))
    g = [1, 1, 0, 0]
    few, many = terms(*two, label=g), terms(*three, label=g)
    assert many["supervised"] == pytest.approx(1.5 * few["supervised"], rel=1e-5)
    assert many["consistency"] == pytest.approx(3 * few["consistency"], rel=1e-5)
    few, many = (terms(*views, label=g, reduction="mean") for views in (two, three))
    assert many == pytest.approx(few, rel=1e-5)
    assert few["supervised"] == pytest.approx(0.222222, abs=1e-6)


def test_the_order_of_decoders_does_not_matter():
    views, g = ([0.6, 0.2], [0.7, 0.4], [0.5, 0.9]), [1, 0]
    turned = (views[1], views[2], views[0])
    assert terms(*views, label=g) == pytest.approx(terms(*turned, label=g), rel=1e-6)


def test_every_decoder_moves_and_is_moved_unless_the_target_is_held():
    for held in (False, True):
        method, given = answering([0.6], [0.7], [0.55], detach_target=held)
        found = torch.autograd.grad(turn(method, given).terms["consistency"], method.network.logits)
        assert all(gradient[row].any() for gradient in found for row in (0, 1))
        p = torch.tensor([0.6, 0.7, 0.55], dtype=torch.float64, requires_grad=True)
        sharp = p**10 / (p**10 + (1 - p) ** 10)
        s = sharp.detach() if held else sharp
        loss = sum((p[i] - s[j]) ** 2 for i in range(3) for j in range(3) if i != j)
        (slope,) = torch.autograd.grad(loss, p)
        for gradient, value, expected in zip(found, p, slope, strict=True):
            assert gradient.sum(0)[1].item() == pytest.approx((expected * value * (1 - value)).item(), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "step", "weight"),
    [
        ({"staircase": 150, "ramp": 6000}, 149, 0.0067379),
        ({"staircase": 150, "ramp": 6000}, 6000, 1),
        ({"staircase": 150, "ramp": 30_000, "consistency": 0.1}, 149, 0.00067379),
        ({"staircase": 150, "ramp": 30_000, "consistency": 0.1}, 15_000, 0.0286505),
    ],
)
def test_weights_of_the_authors_codes_in_three_and_two_dimensions(options, step, weight):
    losses = turn(*answering([0.6], [0.7], [0.5], **options), step, 15_000)
    assert losses.weights["consistency"] == pytest.approx(weight, rel=1e-5)


def test_labels_change_the_supervised_loss_alone():
    one, other = (terms([0.6, 0.2], [0.7, 0.4], [0.5, 0.9], label=g) for g in ([1, 0], [0, 1]))
    assert one["consistency"] == other["consistency"]
    assert one["supervised"] != other["supervised"]


def test_one_decoder_is_not_enough():
    with pytest.raises(ValidationError, match="upsampling"):
        MCNetPlus.Config(upsampling=("transposed",))


def test_prediction_is_the_first_decoders_alone():
    method = build("mc_net_plus", blueprint(classes=3))
    given = batch(MCNetPlus, classes=3)
    train(method, given, range(2), 4)
    method.eval()
    with torch.no_grad():
        expected = method.network(given.image)[0].logits.softmax(1)
        ran = []
        for decoder in method.network.decoders[1:]:
            decoder.register_forward_hook(lambda *_: ran.append(1))
        assert torch.equal(method.predict(given.image), expected)
    assert not ran


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    options = {"consistency": 0.7, "temperature": 0.4, "segmentation": "dice"}
    method = build("mc_net_plus", blueprint(classes=classes, dropout=0.0), options, sharpness=4.0)
    slow = copy.deepcopy(method.network).double()
    given = batch(MCNetPlus, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)
    views = [output.logits.softmax(1) for output in slow(given.image.double())]
    hot = nn.functional.one_hot(given.label, classes).movedim(-1, 1).double()
    dice = [
        1 - (2 * (v[:2] * hot)[:, c].sum() + 1e-8) / ((v[:2] + hot)[:, c].sum() + 1e-8)
        for v in views
        for c in range(1, classes)
    ]
    sharp = [v**2.5 / (v**2.5).sum(1, keepdim=True) for v in views]
    consistency = sum(((views[i] - sharp[j]) ** 2).mean() for i in range(3) for j in range(3) if i != j)
    total = 0.5 * sum(dice) / (classes - 1) + 0.7 * math.exp(-5 * 0.7**2) * consistency
    assert losses.terms["consistency"].item() == pytest.approx(consistency.item(), rel=1e-4)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, expected = gradients(method.network, losses.total), gradients(slow, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), expected[name], atol=1e-5, rtol=1e-3)
