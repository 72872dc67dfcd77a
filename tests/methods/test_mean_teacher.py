"""The mean teacher, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from semivox.core.batch import Batch
from semivox.methods.mean_teacher import MeanTeacher
from semivox.networks.architecture import Output
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import Scripted, build, logit, turn
from tests.functional.restatements import slow_dice_ce

QUIET = {"noise_student": 0.0, "noise_teacher": 0.0}


def two_voxels(method: MeanTeacher, student: list[float], teacher: list[float]) -> Batch:
    """The networks answer with these probabilities on one labeled and one unlabeled patch."""
    method.network = Scripted(torch.cat([logit(student), logit(student)]))
    method.teacher = Scripted(logit(teacher))
    return Batch(torch.zeros(2, 1, 1, 1, len(student)), torch.zeros(1, 1, 1, len(student)).long(), ("l", "u"))


def test_consistency_is_the_mean_over_classes_and_voxels():
    method = build("mean_teacher", blueprint())
    losses = turn(method, two_voxels(method, [0.7310586], [0.2689414]))
    assert losses.terms["consistency"].item() == pytest.approx(0.2135523, abs=3e-7)
    losses = turn(method, two_voxels(method, [0.8, 0.4], [0.7, 0.9]))
    assert losses.terms["consistency"].item() == pytest.approx(0.13)


def test_a_constant_on_all_teacher_logits_changes_nothing():
    found = []
    for constant in (0.0, 3.0):
        method = build("mean_teacher", blueprint())
        given = two_voxels(method, [0.8], [0.3])
        method.teacher = Scripted(logit([0.3]) + constant)
        found.append(turn(method, given).terms["consistency"].item())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "step", "weight"),
    [
        ({}, 0, 0.00067379),
        ({}, 3000, 0.02865048),
        ({}, 5999, 0.1),
        ({"staircase": 150}, 149, 0.00067379),
        ({"staircase": 150}, 150, 0.00086247),
        ({"ramp": 3000}, 3000, 0.1),
        ({"ramp": 0}, 0, 0.1),
    ],
)
def test_weight(options, step, weight):
    method = build("mean_teacher", blueprint(), options)
    losses = turn(method, two_voxels(method, [0.8], [0.3]), step, 6000)
    assert losses.weights["consistency"] == pytest.approx(weight, abs=1e-7)
    assert losses.weights.get("supervised", 1.0) == 1.0


def test_networks_that_are_equal_agree_exactly():
    """Without noise and dropout, on patches whose statistics do not depend on their neighbors."""
    method = build("mean_teacher", blueprint(norm="none", dropout=0.0), QUIET | {"consistency_on": "all"})
    assert turn(method, batch(MeanTeacher)).terms["consistency"].item() == 0


def test_patches_on_which_student_and_teacher_should_agree():
    given = batch(MeanTeacher, 2, 3)
    for where, seen in (("unlabeled", given.image[2:]), ("all", given.image)):
        method = build("mean_teacher", blueprint(), QUIET | {"consistency_on": where})
        calls = []
        method.teacher.register_forward_pre_hook(lambda m, image, calls=calls: calls.append(image[0]))
        turn(method, given)
        assert len(calls) == 1
        assert torch.equal(calls[0], seen)


def test_noise_is_the_teachers_fresh_and_clipped():
    given = batch(MeanTeacher, 1, 1, shape=(16, 16, 16))
    method = build("mean_teacher", blueprint())
    seen: dict[str, list] = {"network": [], "teacher": []}
    for who in seen:
        getattr(method, who).register_forward_pre_hook(lambda m, image, who=who: seen[who].append(image[0]))
    for seed in range(2):
        turn(method, given, seed=seed)
    assert torch.equal(seen["network"][0], given.image)
    noise = [image - given.image[1:] for image in seen["teacher"]]
    assert not torch.equal(*noise)
    assert noise[0].abs().max().item() == pytest.approx(0.2, abs=1e-6)
    assert noise[0].std().item() == pytest.approx(0.0959, rel=0.03)  # 0.1, clipped at two deviations


@pytest.mark.parametrize("name", ["mean_teacher", "ua_mt"])
def test_the_students_noise_is_clipped_too(name):
    for clip, largest in ((0.2, 0.2), (None, 0.3)):
        method = build(name, blueprint(), {"noise_student": 0.1, "noise_clip": clip})
        given = batch(MeanTeacher, 1, 1, shape=(16, 16, 16))
        seen = []
        method.network.register_forward_pre_hook(lambda m, image, to=seen: to.append(image[0]))
        turn(method, given)
        noise = (seen[0] - given.image).abs()
        assert noise.flatten(1).amax(1).min() > 0.19  # labeled and unlabeled patches
        assert noise.max().item() == pytest.approx(0.2, abs=1e-6) if clip else noise.max() > largest


def test_gradient_sums_to_zero_over_classes():
    method = build("mean_teacher", blueprint(classes=3))
    torch.manual_seed(0)
    student = torch.randn(2, 3, 2, 2, 2, requires_grad=True)
    method.network, method.teacher = Scripted(student), Scripted(torch.randn(1, 3, 2, 2, 2))
    losses = turn(method, Batch(torch.zeros(2, 1, 2, 2, 2), torch.zeros(1, 2, 2, 2).long(), ("l", "u")))
    (gradient,) = torch.autograd.grad(losses.terms["consistency"], student)
    assert gradient[1].any()
    assert not gradient[0].any()
    assert gradient.sum(1).abs().max() < 1e-7


def test_running_statistics_are_the_teachers_own_or_a_copy():
    for kind in ("own", "copy"):
        method = build("mean_teacher", blueprint(), {"buffers": kind})
        train(method, batch(MeanTeacher), [0], 4)
        pairs = list(zip(method.teacher.network.named_buffers(), method.network.buffers(), strict=True))
        equal = [torch.equal(mine, theirs) for (_, mine), theirs in pairs]
        assert all(equal) if kind == "copy" else not all(equal)


@pytest.mark.parametrize(("norm", "same"), [("instance", True), ("batch", False)])
def test_without_consistency_it_is_the_supervised_baseline(norm, same):
    """Up to rounding, if no statistics are shared. With batch normalization labeled and unlabeled patches are
    normalized together, in one forward, as in the authors' code: the baseline then differs."""
    plan = blueprint(norm=norm, dropout=0.0)
    given = batch(MeanTeacher)
    method, baseline = build("mean_teacher", plan, {"consistency": 0.0}), build("supervised", plan)
    mine, theirs = (gradients(m.network, turn(m, given).total) for m in (method, baseline))
    for name in mine:
        if same:
            torch.testing.assert_close(mine[name], theirs[name], atol=1e-6, rtol=1e-4)
    assert same or any(not torch.allclose(mine[name], theirs[name], atol=1e-4) for name in mine)


def test_predicting_with_the_teacher():
    for who in ("student", "teacher"):
        method = build("mean_teacher", blueprint(), {"predict_with": who, "network": {"kind": "sgd", "rate": 0.1}})
        train(method, batch(MeanTeacher), range(4), 8)
        image = batch(MeanTeacher).image
        method.eval()
        with torch.no_grad():
            network = method.network if who == "student" else method.teacher.network
            other = method.teacher.network if who == "student" else method.network
            assert torch.equal(method.predict(image), network(image).logits.softmax(1))
            assert not torch.allclose(method.predict(image), other(image).logits.softmax(1))


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    method = build("mean_teacher", blueprint(classes=classes, dropout=0.0), QUIET | {"consistency": 0.7})
    with torch.no_grad():
        for p in method.teacher.parameters():
            p.mul_(1.3)
    student, teacher = copy.deepcopy(method.network).double(), copy.deepcopy(method.teacher.network).double()
    given = batch(MeanTeacher, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)
    output: Output = student(given.image.double())
    q = teacher(given.image[2:].double()).logits.softmax(1)
    p = output.logits[2:].softmax(1)
    consistency = sum(((p[:, c] - q[:, c]) ** 2).mean() for c in range(classes)) / classes
    total = slow_dice_ce(output.logits[:2], given.label) + 0.7 * math.exp(-5 * 0.7**2) * consistency
    assert losses.terms["consistency"].item() == pytest.approx(consistency.item(), rel=1e-4)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, slow = gradients(method.network, losses.total), gradients(student, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), slow[name], atol=1e-5, rtol=1e-3)
