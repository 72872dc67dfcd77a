"""CPS, number by number."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from semivox.core.batch import Batch
from semivox.methods.cps import CPS
from semivox.networks.architecture import Output
from semivox.testing.patches import batch, blueprint
from tests.contract.examples import build, logit, turn


class Answers(nn.Module):
    """Two networks that answer with these foreground probabilities, on one labeled and one unlabeled patch."""

    def __init__(self, *probabilities: list[float]) -> None:
        super().__init__()
        self.logits = [torch.cat([logit(p)] * 2).requires_grad_() for p in probabilities]

    def forward(self, *views: torch.Tensor) -> tuple[Output, ...]:
        return tuple(Output(z, z, (), (), {}) for z in self.logits[: len(views)])


def answering(*probabilities: list[float], **options):
    method = build("cps", blueprint(), options)
    method.network = Answers(*probabilities)
    shape = (1, 1, len(probabilities[0]))
    return method, Batch(torch.zeros(2, 1, *shape), torch.zeros(1, *shape, dtype=torch.long), ("l", "u"))


def test_each_network_learns_the_others_hard_answer():
    method, given = answering([0.6], [0.3])
    loss = turn(method, given).terms["consistency"]
    assert loss.item() == pytest.approx(-math.log(0.4) - math.log(0.3), abs=1e-5)
    assert loss.item() == pytest.approx(2.120264, abs=1e-5)
    first, second = torch.autograd.grad(loss, method.network.logits)
    assert first[0].abs().sum() == 0  # labeled patches teach nothing more
    # the target is fixed: the slope of each is that of a cross-entropy to a label
    assert first[1].flatten().tolist() == pytest.approx([-0.6, 0.6], abs=1e-5)
    assert second[1].flatten().tolist() == pytest.approx([0.7, -0.7], abs=1e-5)


def test_no_gradient_leads_from_one_networks_loss_into_the_other():
    method, given = answering([0.6, 0.2], [0.3, 0.9])
    one, other = method.network.logits
    (slope,) = torch.autograd.grad(turn(method, given).terms["consistency"], other)
    method.network.logits[0] = logit([0.9, 0.4]).repeat(2, 1, 1, 1, 1).requires_grad_()  # the same answers
    (again,) = torch.autograd.grad(turn(method, given).terms["consistency"], other)
    assert torch.equal(slope, again)
    assert one.shape == other.shape


def test_on_labeled_patches_too():
    method, given = answering([0.6], [0.3], consistency_on="all")
    found = torch.autograd.grad(turn(method, given).terms["consistency"], method.network.logits)
    assert all(gradient[0].any() for gradient in found)


def test_copies_have_equal_losses_and_teach_each_other_what_they_say():
    method = build("cps", blueprint(dropout=0.0))
    first, second = method.network.networks
    second.load_state_dict(first.state_dict())
    losses = turn(method, batch(CPS))
    assert losses.log["disagreement"] == 0
    losses.total.backward()
    for p, q in zip(first.parameters(), second.parameters()):
        torch.testing.assert_close(p.grad, q.grad)


def test_the_networks_begin_with_different_weights_and_by_their_laws_on_request():
    first, second = build("cps", blueprint()).network.networks
    assert not torch.equal(next(first.parameters()), next(second.parameters()))
    drawn = build("cps", blueprint(width=16), {"initial": "kaiming_xavier"}).network.networks
    kernels = [next(m.weight for m in n.modules() if isinstance(m, nn.Conv3d) and m.in_channels == 16) for n in drawn]
    fan_in, fan_out = 16 * 27, kernels[0].shape[0] * 27
    if kernels[0].shape[2] != 3:
        fan_in, fan_out = 16 * kernels[0][0, 0].numel(), kernels[0].shape[0] * kernels[0][0, 0].numel()
    assert kernels[0].std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)
    assert kernels[1].std().item() == pytest.approx(math.sqrt(2 / (fan_in + fan_out)), rel=0.1)


def test_prediction_is_the_first_networks_and_the_other_stays_idle():
    method = build("cps", blueprint()).eval()
    image = batch(CPS).image
    ran = []
    method.network.networks[1].register_forward_hook(lambda *_: ran.append(1))
    with torch.no_grad():
        expected = copy.deepcopy(method.network.networks[0])(image).logits.softmax(1)
        assert torch.equal(method.predict(image), expected)
        assert not ran
        both = build("cps", blueprint(), {"predict_networks": "mean"}).eval()
        mean = sum(n(image).logits.softmax(1) for n in both.network.networks) / 2
        torch.testing.assert_close(both.predict(image), mean)


@pytest.mark.parametrize(("step", "weight"), [(0, 6.7379e-4), (149, 6.7379e-4), (150, 7.0831e-4), (30_000, 0.1)])
def test_weight_of_the_3d_code(step, weight):
    method, given = answering([0.6], [0.3], staircase=150)
    assert turn(method, given, step, 30_000).weights["consistency"] == pytest.approx(weight, rel=1e-4)
