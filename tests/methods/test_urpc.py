"""URPC, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.methods.urpc import URPC, pyramid
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint
from semivox.networks.unet3d import UNet3D
from semivox.networks.vnet import VNet
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import Scripted, build, logit, turn

THREE = ((2, 2, 2), (2, 2, 2), (1, 1, 2))
"""Strides that leave three decoder maps."""


def answering(*scales: list[float], label: list[int] | None = None, **options) -> tuple[URPC, Batch]:
    """All scales, at full size, answer with these foreground probabilities on a labeled and an unlabeled patch."""
    voxels = len(scales[0])
    method = build("urpc", blueprint(), options)
    main, *deep = (torch.cat([logit(p)] * 2).requires_grad_() for p in scales)
    method.network = Scripted(Output(main, main, (), (), {}, tuple(deep)))
    known = torch.tensor(label or [0] * voxels).reshape(1, 1, 1, voxels)
    return method, Batch(torch.zeros(2, 1, 1, 1, voxels), known, ("l", "u"))


def everyone(method: URPC) -> list[torch.Tensor]:
    output = method.network.answers[0]
    return [output.logits, *output.deep]


def test_heads_cost_a_hundred_parameters_each():
    with torch.device("meta"):
        plain = Blueprint(VNet(), 1, 2).segmenter()
        network = URPC(URPC.Config(), Blueprint(VNet(), 1, 2)).network
    sizes = [sum(p.numel() for p in head.parameters()) for head in network.deep]
    assert sizes == [32 * 2 + 2, 64 * 2 + 2, 128 * 2 + 2]
    total = [sum(p.numel() for p in module.parameters()) for module in (plain, network)]
    assert total[1] - total[0] == sum(sizes)


@pytest.mark.parametrize(
    ("architecture", "scales", "deep"),
    [
        (VNet(), 4, 3),
        (VNet(), 2, 1),
        (UNet3D(), 4, 2),  # four levels have three decoder maps
        (UNet3D(strides=((2, 2, 2),)), 4, 1),  # a single decoder map, and the deepest
    ],
)
def test_heads_sit_on_decoder_maps(architecture, scales, deep):
    with torch.device("meta"):
        network = URPC(URPC.Config(scales=scales), Blueprint(architecture, 1, 2)).network
    assert len(network.deep) == deep


def test_consistency_of_one_and_two_voxels():
    found = turn(*answering([0.1], [0.2], [0.4], [0.5])).terms["consistency"].item()
    assert found == pytest.approx(0.0964287, abs=5e-7)
    found = turn(*answering([0.1, 0.1], [0.2, 0.1], [0.4, 0.1], [0.5, 0.1])).terms["consistency"].item()
    assert found == pytest.approx(0.0475943, abs=5e-7)


def test_each_term_moves_every_scale_on_its_own_patches():
    method, given = answering([0.1, 0.6], [0.2, 0.7], [0.4, 0.3], label=[1, 0])
    losses = turn(method, given)
    for term, row in (("supervised", 0), ("consistency", 1)):
        for gradient in torch.autograd.grad(losses.terms[term], everyone(method), retain_graph=True):
            assert gradient[row].any()
            assert not gradient[1 - row].any()


def test_supervised_loss_is_the_mean_over_scales_of_all_classes():
    half, g = [0.5] * 4, [1, 1, 0, 0]
    assert turn(*answering(half, half, label=g)).terms["supervised"].item() == pytest.approx(0.513240, abs=3e-6)
    sure = [1 - 1e-13, 1 - 1e-13, 1e-13, 1e-13]
    assert turn(*answering(sure, sure, sure, label=g)).terms["supervised"].item() < 1e-6
    # the classes' overlaps differ: only with the background is a swap of classes the same
    one, other = [0.9, 0.9, 0.9, 0.2], [0.1, 0.1, 0.1, 0.8]
    for first, same in ((0, True), (1, False)):
        a = turn(*answering(one, one, label=[1, 0, 0, 0], dice_from=first)).terms["supervised"].item()
        b = turn(*answering(other, other, label=[0, 1, 1, 1], dice_from=first)).terms["supervised"].item()
        assert (a == pytest.approx(b, rel=1e-5)) is same


@pytest.mark.parametrize(
    ("options", "step", "weight"),
    [
        ({"ramp": 60_000, "staircase": 150}, 0, 6.7379e-4),
        ({"ramp": 60_000, "staircase": 150}, 60_000, 0.1),
        ({"ramp": 30_000, "staircase": 150}, 15_000, 0.0286505),
    ],
)
def test_weight_of_the_authors_code(options, step, weight):
    losses = turn(*answering([0.1], [0.2], **options), step, 90_000)
    assert losses.weights["consistency"] == pytest.approx(weight, rel=1e-4)
    assert losses.weights.get("supervised", 1.0) == 1.0


def test_logits_are_interpolated_before_the_softmax():
    coarse = torch.tensor([-4.0, 4.0]).reshape(1, 1, 1, 1, 2) * torch.tensor([-1.0, 1.0]).reshape(1, 2, 1, 1, 1)
    fine = torch.zeros(1, 2, 1, 1, 4)
    first, second = pyramid(Output(fine, fine, (), (), {}, (coarse,)))
    assert torch.equal(first, fine)
    assert second[0, 1, 0, 0].tolist() == [-4, -2, 2, 4]  # a quarter of the way: voxel centers, not corners


def test_prediction_is_the_finest_scales_or_the_mean():
    image = batch(URPC, shape=(8, 8, 16)).image
    for who in ("finest", "mean"):
        method = build("urpc", blueprint(strides=THREE), {"predict_heads": who}).eval()
        with torch.no_grad():
            output = method.network(image)
            each = [output.logits.softmax(1)]
            each += [F.interpolate(z, (8, 8, 16), mode="trilinear").softmax(1) for z in output.deep]
            expected = each[0] if who == "finest" else sum(each) / len(each)
            assert len(each) == 3
            torch.testing.assert_close(method.predict(image), expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    plan = blueprint(classes=classes, dropout=0.0, strides=THREE)
    method = build("urpc", plan, {"consistency": 0.7}, sharpness=4.0)
    slow = copy.deepcopy(method.network).double()
    given = batch(URPC, 2, 3, (8, 8, 16), classes=classes)
    losses = turn(method, given, 30, 100)
    output = slow(given.image.double())
    up = [F.interpolate(z, (8, 8, 16), mode="trilinear") for z in output.deep]
    p = [z.softmax(1) for z in (output.logits, *up)]
    hot = nn.functional.one_hot(given.label, classes).movedim(-1, 1).double()
    axes = (0, 2, 3, 4)
    supervised, consistency = torch.zeros(2, dtype=torch.float64)
    mean = sum(q[2:] for q in p) / 3
    for q in p:
        overlap = (2 * (q[:2] * hot).sum(axes) + 1e-5) / ((q[:2] ** 2 + hot).sum(axes) + 1e-5)
        supervised = supervised + (1 - overlap.mean() - (hot * q[:2].log()).sum(1).mean()) / 6
        divergence = (mean * (mean / q[2:]).log()).sum(1, keepdim=True)
        weight = (-divergence).exp()
        part = ((mean - q[2:]) ** 2 * weight).mean() / (weight.mean() + 1e-8) + divergence.mean()
        consistency = consistency + part / 3
    total = supervised + 0.7 * math.exp(-5 * 0.7**2) * consistency
    assert losses.terms["consistency"].item() == pytest.approx(consistency.item(), rel=1e-4)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, expected = gradients(method.network, losses.total), gradients(slow, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), expected[name], atol=1e-5, rtol=1e-3)
