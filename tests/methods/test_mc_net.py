"""MC-Net, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from semivox.methods.mc_net import MCNet
from semivox.networks.blueprint import Blueprint
from semivox.networks.vnet import VNet
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import build, turn
from tests.methods.answers import answering, count


def test_the_network_is_the_authors():
    with torch.device("meta"):
        network = MCNet(MCNet.Config(), Blueprint(VNet(), 1, 2)).network
    assert count(network) == 12_347_716
    assert count(network.encoder) == 7_376_896
    both = [count(d) + count(h) for d, h in zip(network.decoders, network.heads, strict=True)]
    assert both == [2_071_970, 2_898_850]


def test_consistency_of_one_voxel_and_its_gradients():
    """With respect to the probabilities: moved from both sides, unless the target is held still."""
    for options, expected in (({}, (-0.404499, -0.557952)), ({"detach_target": True}, (-0.799582, -0.565908))):
        method, given = answering([0.6], [0.7], **options)
        loss = turn(method, given).terms["consistency"]
        assert loss.item() == pytest.approx(0.239896, abs=1e-6)
        found = torch.autograd.grad(loss, method.network.logits)
        for z, gradient, p, slope in zip(method.network.logits, found, (0.6, 0.7), expected, strict=True):
            # two equal patches share the mean; dp/dz of the second channel is p (1 - p)
            assert (gradient.sum(0)[1] / (p * (1 - p))).item() == pytest.approx(slope, rel=1e-4)
            assert gradient.shape == z.shape


def test_consistency_is_taken_on_labeled_patches_too():
    method, given = answering([0.6], [0.7])
    found = torch.autograd.grad(turn(method, given).terms["consistency"], method.network.logits)
    assert all(gradient[row].any() for gradient in found for row in (0, 1))


def test_supervised_loss_is_the_dice_of_both_decoders_with_plain_denominators():
    p, g = [0.8, 0.6, 0.1, 0.1], [1, 1, 0, 0]
    losses = turn(*answering(p, p, label=g))
    assert losses.terms["supervised"].item() == pytest.approx(2 * 0.222222, abs=2e-6)
    assert losses.weights["supervised"] == 0.5
    method, given = answering(p, [0.5] * 4, label=g)
    found = torch.autograd.grad(turn(method, given).terms["supervised"], method.network.logits)
    assert all(gradient[0].any() and not gradient[1].any() for gradient in found)


@pytest.mark.parametrize(
    ("step", "weight"),
    [(1, 0.006738), (150, 0.008625), (1500, 0.060055), (3000, 0.286505), (4500, 0.731616), (6000, 1), (9000, 1)],
)
def test_weight_of_the_authors_code(step, weight):
    losses = turn(*answering([0.6], [0.7], staircase=150, ramp=6000), step, 15_000)
    assert losses.weights["consistency"] == pytest.approx(weight, abs=1e-6)


def test_prediction_is_the_first_decoders_alone():
    """Its network is a plain one: same encoder, first decoder and heads, and nothing else runs."""
    method = build("mc_net", blueprint(classes=3))
    given = batch(MCNet, classes=3)
    train(method, given, range(2), 4)
    plain = blueprint(classes=3).segmenter()
    weights = {n: v for n, v in method.network.state_dict().items() if not n.startswith(("decoders.1", "heads.1"))}
    plain.load_state_dict(weights, strict=True)
    method.eval()
    ran = []
    method.network.decoders[1].register_forward_hook(lambda *_: ran.append(1))
    with torch.no_grad():
        assert torch.equal(method.predict(given.image), plain.eval()(given.image).logits.softmax(1))
    assert not ran


def test_decoders_draw_their_own_dropout_from_the_same_features():
    plan = blueprint(dropout=0.5)
    method = build("mc_net", plan, {"upsampling": ("transposed", "transposed")})
    for part in ("decoders", "heads"):
        first, second = getattr(method.network, part)
        second.load_state_dict(first.state_dict())
    one, other = method.network(batch(MCNet).image)
    assert all(a is b for a, b in zip(one.features, other.features, strict=True))
    assert torch.equal(one.embedding, other.embedding)
    assert not torch.equal(one.logits, other.logits)


@pytest.mark.parametrize("loss", ["dice", "dice_ce"])
@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes, loss):
    options = {"consistency": 0.7, "temperature": 0.4, "segmentation": loss}
    method = build("mc_net", blueprint(classes=classes, dropout=0.0), options, sharpness=4.0)
    slow = copy.deepcopy(method.network).double()
    given = batch(MCNet, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)
    p, q = (output.logits.softmax(1) for output in slow(given.image.double()))
    hot = nn.functional.one_hot(given.label, classes).movedim(-1, 1).double()
    supervised = torch.zeros((), dtype=torch.float64)
    for view in (p[:2], q[:2]):
        power, e = (1, 1e-8) if loss == "dice" else (2, 1e-5)
        sums = [(2 * (view * hot)[:, c].sum() + e) / ((view**power + hot)[:, c].sum() + e) for c in range(1, classes)]
        dice = 1 - sum(sums) / (classes - 1)
        supervised += dice if loss == "dice" else (dice - (hot * view.log()).sum(1).mean()) / 2
    sharp = [v**2.5 / (v**2.5).sum(1, keepdim=True) for v in (p, q)]
    consistency = ((p - sharp[1]) ** 2).mean() + ((q - sharp[0]) ** 2).mean()
    total = 0.5 * supervised + 0.7 * math.exp(-5 * 0.7**2) * consistency
    assert losses.terms["consistency"].item() == pytest.approx(consistency.item(), rel=1e-4)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, expected = gradients(method.network, losses.total), gradients(slow, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), expected[name], atol=1e-5, rtol=1e-3)


def test_the_authors_count_their_steps_from_one():
    method = build("mc_net", blueprint(), {"ramp": 6000, "staircase": 150, "ramp_first": 1})
    for step, weight in ((148, 0.0067379), (149, 0.0086247), (5999, 1.0)):
        assert turn(method, batch(MCNet), step, 15000).weights["consistency"] == pytest.approx(weight, rel=1e-4)
