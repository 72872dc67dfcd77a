"""SASSNet, number by number, who is moved by what, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import OptimizerConfig
from semivox.methods.sassnet import SASSNet, adversarial_loss, distance_or_zero, regression
from semivox.networks.blueprint import Blueprint
from semivox.networks.vnet import VNet
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import build, turn
from tests.functional.restatements import slow_dice_ce

ONE = (1.0, 1.0, 1.0)


def step_of(method: SASSNet, given: Batch, step: int = 4, steps: int = 8):
    seed_step(0, step, 0)
    return method.step(given, Progress(step, steps))


# ---- the target -----------------------------------------------------------------------------------------------------


def test_a_class_without_surface_in_the_patch_has_distance_zero():
    label = np.zeros((1, 1, 9), np.uint8)
    label[0, 0, 3:7] = 2
    absent, shown = distance_or_zero(label, ONE, 3)
    assert not absent.any()
    np.testing.assert_allclose(shown[0, 0], [1, 2 / 3, 1 / 3, 0, -1, -1, 0, 1 / 3, 2 / 3], rtol=1e-6)
    filling, other = distance_or_zero(np.ones((3, 4, 5), np.uint8), ONE, 3)
    assert not filling.any()
    assert not other.any()
    assert not distance_or_zero(np.full((3, 4, 5), 255, np.uint8), ONE, 3).any()


def test_an_object_that_is_all_surface_keeps_its_map():
    label = np.zeros((8, 8, 8), np.uint8)
    label[3:5, 3:5, 3:5] = 1
    (found,) = distance_or_zero(label, ONE, 2)
    assert found.min() == 0
    assert found.max() == 1


def test_the_regression_is_a_mean_over_maps_and_known_voxels():
    given = batch(SASSNet, classes=3)
    target = given.targets["distance"]
    assert regression(target.clone(), given).item() == 0
    assert regression(target + 0.5, given).item() == pytest.approx(0.25)
    label = given.label.clone()
    label[0, :4] = 255
    wrong = target.clone()
    wrong[0, :, :4] += 100
    wrong[0, :, 4:] += 0.3
    wrong[1] += 0.3
    partly = Batch(given.image, label, given.cases, given.targets)
    assert regression(wrong, partly).item() == pytest.approx(0.09, rel=1e-5)
    nowhere = Batch(given.image, torch.full_like(label, 255), given.cases, given.targets)
    assert regression(wrong, nowhere).item() == 0


# ---- numbers --------------------------------------------------------------------------------------------------------


def test_passing_for_labeled_costs_what_the_verdict_leaves():
    assert adversarial_loss(torch.zeros(3, 2), 1).item() == pytest.approx(0.693147, abs=1e-6)
    assert adversarial_loss(torch.tensor([[0.0, 2.0]]), 1).item() == pytest.approx(0.126928, abs=1e-6)
    assert adversarial_loss(torch.tensor([[0.0, 2.0]]), 0).item() == pytest.approx(2.126928, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 6.738e-5), (149, 6.738e-5), (150, 8.625e-5), (3000, 2.8650e-3), (5999, 9.9688e-3)]
)
def test_weight_of_the_authors_code(step, weight):
    method = build("sassnet", blueprint(), {"staircase": 150, "ramp": 6000})
    found = turn(method, batch(SASSNet), step, 6000).weights
    assert found == {"shape": 0.3, "adversarial": pytest.approx(weight, rel=1e-4)}


def test_weight_of_the_paper():
    method = build("sassnet", blueprint(), dict(SASSNet.ablations["paper's weight"]))
    assert turn(method, batch(SASSNet), 3000, 6000).weights["adversarial"] == pytest.approx(2.8650e-4, rel=1e-4)


def test_sizes():
    """One more head of 16 + 1 weights than the benchmark's V-Net; the discriminator is the authors'."""
    method = SASSNet(SASSNet.Config(), Blueprint(VNet(), 1, 2))
    assert sum(p.numel() for p in method.network.parameters()) == 9_448_866 + 17
    assert sum(p.numel() for p in method.discriminator.parameters()) == 11_020_290


def test_the_discriminators_numbers_outlive_a_change_of_one_of_them():
    found = SASSNet.Config.model_validate({"discriminator": {"rate": 3e-4}}).discriminator
    assert isinstance(found, OptimizerConfig)
    assert (found.kind, found.rate, found.betas, found.decay) == ("adam", 3e-4, (0.9, 0.99), 0.0)
    assert found.rate_at(Progress(0, 10)) == found.rate_at(Progress(9, 10)) == 3e-4


# ---- who is moved by what -------------------------------------------------------------------------------------------


def test_passing_for_labeled_moves_trunk_and_distances_but_not_the_classes():
    method = build("sassnet", odd_blueprint())
    found = gradients(method.network, turn(method, odd_batch(SASSNet)).terms["adversarial"])
    classes = {name for name in found if ".logits." in name}
    assert len(classes) == 2
    for name, gradient in found.items():
        assert (gradient is None) if name in classes else gradient.any(), name


def test_only_unlabeled_patches_are_to_pass_for_labeled():
    method = build("sassnet", odd_blueprint(norm="instance"))
    given = odd_batch(SASSNet, 2, 3)
    given.image.requires_grad_()
    (gradient,) = torch.autograd.grad(turn(method, given).terms["adversarial"], given.image)
    assert not gradient[:2].any()
    assert all(part.any() for part in gradient[2:])


def test_modes_and_inputs_of_the_two_turns():
    """The network is judged by a fixed discriminator, the discriminator is shown what the updated network predicts."""
    method = build("sassnet", odd_blueprint())
    given = odd_batch(SASSNet, 1, 2)
    calls = []
    method.network.register_forward_hook(lambda m, x, y: calls.append(("network", m.training, x, y)))
    method.discriminator.register_forward_hook(lambda m, x, y: calls.append(("discriminator", m.training, x, y)))
    turns = step_of(method, given)
    losses = next(turns)
    assert [call[:2] for call in calls] == [("network", True), ("discriminator", False)]
    assert torch.equal(calls[1][2][0], calls[0][3].extra["distance"][1:].tanh())
    assert torch.equal(calls[1][2][1], given.image[1:])
    losses.total.backward()
    with torch.no_grad():
        for parameter in method.network.parameters():
            parameter.add_(0.1)
    next(turns)
    assert [call[:2] for call in calls[2:]] == [("network", False), ("discriminator", True)]
    with torch.no_grad():
        now = method.network.eval()(given.image).extra["distance"].tanh()
    assert torch.equal(calls[3][2][0], now)
    assert not calls[3][2][0].requires_grad


@pytest.mark.parametrize(
    ("options", "network", "discriminator", "turns"),
    [
        ({}, [4, 4], [2, 4], 2),
        ({"adversarial": 0.0}, [4], [], 1),
        ({"unlabeled": "unused"}, [2], [], 1),
        ({"unlabeled": "teacher"}, [4], [], 1),
    ],
)
def test_no_forward_pass_without_use(options, network, discriminator, turns):
    method = build("sassnet", odd_blueprint(), options)
    seen = {"network": [], "discriminator": []}
    for name, sizes in seen.items():
        getattr(method, name).register_forward_hook(lambda m, x, y, sizes=sizes: sizes.append(len(x[0])))
    assert len(list(step_of(method, odd_batch(SASSNet)))) == turns
    assert seen == {"network": network, "discriminator": discriminator}


def test_labeled_patches_alone_are_seen_without_unlabeled_ones():
    """Also by batch normalization: other unlabeled patches leave the same state behind, to the last bit."""
    states = []
    for image in (odd_batch(SASSNet).image, torch.cat([odd_batch(SASSNet).image[:2], torch.randn(2, 2, 8, 16, 24)])):
        method = build("sassnet", odd_blueprint(), dict(SASSNet.ablations["V-Net+SDM"]))
        given = odd_batch(SASSNet)
        train(method, Batch(image, given.label, given.cases, given.targets), range(2), 4)
        states.append(method.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_an_unhindered_discriminator_learns_to_tell_the_patches_apart():
    method = build(
        "sassnet", blueprint(dropout=0.0), {"discriminator": {"rate": 3e-3}, "network": {"kind": "sgd", "rate": 1e-9}}
    )
    for module in method.discriminator.modules():
        if isinstance(module, torch.nn.Dropout3d):
            module.p = 0.0
    seen = train(method, batch(SASSNet, shape=(16, 16, 16)), range(40), 40)
    assert float(seen[-1].log["discriminator_accuracy"]) == 1.0
    assert seen[-1].terms["discrimination"].item() < 0.3 < seen[1].terms["discrimination"].item()


# ---- one step, slowly -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("labeled", "unlabeled"), [(2, 2), (1, 3)])
def test_both_turns_against_a_restatement_in_float64(labeled, unlabeled):
    method = build("sassnet", odd_blueprint(dropout=0.0), {"adversarial": 0.7}, sharpness=4.0)
    for module in method.discriminator.modules():
        if isinstance(module, torch.nn.Dropout3d):
            module.p = 0.0
    network, judge = (copy.deepcopy(m).double() for m in (method.network, method.discriminator))
    given = odd_batch(SASSNet, labeled, unlabeled)
    turns = step_of(method, given, 30, 100)
    mine = next(turns)
    image = given.image.double()
    output = network(image)
    maps = torch.tanh(output.extra["distance"])
    verdict = judge(maps[labeled:], image[labeled:])
    beta = 0.7 * math.exp(-5 * 0.7**2)
    shape = F.mse_loss(maps[:labeled], given.targets["distance"].double())
    adversarial = F.cross_entropy(verdict, torch.ones(unlabeled, dtype=torch.long))
    total = slow_dice_ce(output.logits[:labeled], given.label) + 0.3 * shape + beta * adversarial
    assert mine.total.item() == pytest.approx(total.item(), rel=1e-5)
    found, slow = gradients(method.network, mine.total), gradients(network, total)
    for name in found:
        torch.testing.assert_close(found[name].double(), slow[name], atol=1e-5, rtol=1e-3)

    theirs = next(turns)
    maps = torch.tanh(network.eval()(image).extra["distance"]).detach()
    verdict = judge(maps, image)
    sides = (
        F.cross_entropy(verdict[:labeled], torch.ones(labeled, dtype=torch.long)),
        F.cross_entropy(verdict[labeled:], torch.zeros(unlabeled, dtype=torch.long)),
    )
    assert theirs.total.item() == pytest.approx((sum(sides) / 2).item(), rel=1e-5)
    if labeled == unlabeled:  # the authors' mean over all patches
        target = torch.arange(labeled + unlabeled) < labeled
        assert theirs.total.item() == pytest.approx(F.cross_entropy(verdict, target.long()).item(), rel=1e-5)
    right = [(verdict[:labeled].argmax(1) == 1).double().mean(), (verdict[labeled:].argmax(1) == 0).double().mean()]
    assert float(theirs.log["discriminator_accuracy"]) == pytest.approx(sum(right).item() / 2)


@pytest.mark.parametrize("of", ["segmentation", "both"])
def test_agreeing_with_a_teacher_against_a_restatement(of):
    options = {"unlabeled": "teacher", "noise_teacher": 0.0, "consistency_of": of}
    method = build("sassnet", odd_blueprint(dropout=0.0), options, sharpness=4.0)
    with torch.no_grad():
        for p in method.teacher.parameters():
            p.mul_(1.3)
    student, teacher = copy.deepcopy(method.network), copy.deepcopy(method.teacher.network)
    given = odd_batch(SASSNet)
    losses = turn(method, given, 4, 8)
    with torch.no_grad():
        mine, theirs = student(given.image), teacher(given.image[2:])
    expected = F.mse_loss(mine.logits[2:].softmax(1), theirs.logits.softmax(1))
    if of == "both":
        expected = expected + F.mse_loss(mine.extra["distance"][2:].tanh(), theirs.extra["distance"].tanh())
    assert losses.terms["consistency"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert losses.weights["consistency"] == pytest.approx(0.1 * math.exp(-5 * 0.25))
    losses.total.backward()
    assert all(p.grad is None for p in method.teacher.parameters())


def test_the_teacher_follows_with_the_mean_teachers_decay():
    method = build("sassnet", blueprint(), {"unlabeled": "teacher", "decay": 0.3})
    before = [p.detach().clone() for p in method.teacher.parameters()]
    train(method, batch(SASSNet), range(1), 4)
    students = list(method.network.parameters())
    assert all(torch.equal(t, s) for t, s in zip(method.teacher.parameters(), students, strict=True))
    assert any(not torch.equal(t, b) for t, b in zip(method.teacher.parameters(), before, strict=True))
    before = [p.detach().clone() for p in method.teacher.parameters()]
    train(method, batch(SASSNet), range(1, 2), 4)
    for mine, old, student in zip(method.teacher.parameters(), before, method.network.parameters(), strict=True):
        torch.testing.assert_close(mine, 0.3 * old + 0.7 * student.detach())
