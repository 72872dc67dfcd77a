"""UA-MT, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from pydantic import ValidationError

from semivox.core.batch import Batch
from semivox.methods.mean_teacher import MeanTeacher
from semivox.methods.ua_mt import UAMT
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import Scripted, build, logit, turn
from tests.functional.restatements import slow_dice_ce

QUIET = {"noise_student": 0.0, "noise_teacher": 0.0}


def scripted(student: list[float], passes: list[list[float]], **options) -> tuple[UAMT, Batch]:
    """The student answers with these probabilities, the teacher with one list per pass; its target pass comes last."""
    voxels = len(student)
    count = len(passes) - (options.get("target") != "mean")
    method = build("ua_mt", blueprint(), {"passes": count, **options})
    method.network = Scripted(torch.cat([logit(student)] * 2).requires_grad_())
    method.teacher = Scripted(*[logit(p) for p in passes])
    return method, Batch(torch.zeros(2, 1, 1, 1, voxels), torch.zeros(1, 1, 1, voxels).long(), ("l", "u"))


def consistency(method: UAMT, given: Batch, step: int = 0, steps: int = 6000) -> tuple[float, float]:
    """The term, and the share of certain voxels."""
    losses = turn(method, given, step, steps)
    return losses.terms["consistency"].item(), float(losses.log["certain"])


def test_passes_that_contradict_are_not_listened_to():
    assert consistency(*scripted([0.8], [[0.9], [0.1], [0.7]])) == (0.0, 0.0)
    assert consistency(*scripted([0.8], [[0.9], [0.9], [0.7]]))[1] == 1.0
    assert consistency(*scripted([0.8], [[0.1], [0.1], [0.7]]))[1] == 1.0


def test_the_entropy_is_that_of_the_mean():
    five = [[0.9], [0.8], [0.6], [0.7], [0.5]]
    assert consistency(*scripted([0.8], [*five, [0.7]]), step=3000)[1] == 0.0  # .6109 above .5695; their mean is .5605


def test_at_the_end_every_voxel_is_listened_to():
    assert consistency(*scripted([0.8], [[0.9], [0.1], [0.7]]), step=6000)[1] == 1.0


def test_the_value_is_the_authors_codes():
    """Mean over classes: half of the paper's sum over classes."""
    sure = [[0.999, 0.999]] * 2
    found, share = consistency(*scripted([0.8, 0.4], [*sure, [0.7, 0.9]]))
    assert share == 1.0
    assert found == pytest.approx(0.13, abs=1e-6)
    one_sure = [[0.999, 0.5]] * 2
    found, share = consistency(*scripted([0.8, 0.4], [*one_sure, [0.7, 0.9]]))
    assert share == 0.5
    assert found == pytest.approx(0.01, abs=1e-6)  # divided by the one voxel


def test_no_certain_voxel_gives_zero_and_finite_gradients():
    method, given = scripted([0.8, 0.4], [[0.5, 0.5], [0.5, 0.5], [0.7, 0.9]])
    losses = turn(method, given, 0, 6000)
    assert losses.terms["consistency"].item() == 0
    (gradient,) = torch.autograd.grad(losses.total, method.network.answers[0].logits)
    assert torch.isfinite(gradient).all()
    assert not gradient[1].any()


def test_the_target_is_a_further_pass_or_the_mean():
    passes = [[0.99], [0.97]]
    assert consistency(*scripted([0.8], [*passes, [0.6]]))[0] == pytest.approx(0.04, abs=1e-6)
    assert consistency(*scripted([0.8], passes, target="mean"))[0] == pytest.approx(0.18**2, abs=1e-6)


@pytest.mark.parametrize("target", ["separate", "mean"])
def test_number_of_passes_and_fresh_noise(target):
    method = build("ua_mt", blueprint(), {"target": target})
    seen = []
    method.teacher.register_forward_pre_hook(lambda m, image: seen.append(image[0]))
    given = batch(UAMT)
    turn(method, given)
    assert len(seen) == 8 + (target == "separate")
    assert all(image.shape == given.image[2:].shape for image in seen)
    assert len({float(image.sum()) for image in seen}) == len(seen)
    assert max((image - given.image[2:]).abs().max().item() for image in seen) == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 0.00067379), (149, 0.00067379), (150, 0.00086247), (3000, 0.02865048), (6000, 0.1)]
)
def test_weight_of_the_authors_code(step, weight):
    method, given = scripted([0.8], [[0.9], [0.9]], staircase=150, ramp=6000)
    assert turn(method, given, step, 9000).weights["consistency"] == pytest.approx(weight, abs=5e-9)


def test_ramp_ends_the_limit_too():
    late = scripted([0.8], [[0.9], [0.1], [0.7]], ramp=100)
    assert consistency(*late, step=100, steps=6000)[1] == 1.0


def test_without_dropout_and_noise_it_is_the_mean_teacher_at_the_end():
    plan = blueprint(norm="instance", dropout=0.0)
    given = batch(UAMT)
    mine, theirs = build("ua_mt", plan, QUIET), build("mean_teacher", plan, QUIET)
    for method in (mine, theirs):
        with torch.no_grad():
            for p in method.teacher.parameters():
                p.mul_(1.2)
    losses, other = turn(mine, given, 100, 100), turn(theirs, given, 100, 100)
    assert float(losses.log["certain"]) == 1.0
    assert other.terms["consistency"].item() > 0
    assert losses.terms["consistency"].item() == pytest.approx(other.terms["consistency"].item(), rel=1e-5)
    assert losses.weights == other.weights
    assert MeanTeacher.Config().consistency == UAMT.Config().consistency


def test_teacher_passes_differ_while_evaluation_repeats_itself():
    method = build("ua_mt", blueprint(), QUIET)
    image = batch(UAMT).image
    assert not torch.equal(method.teacher(image).logits, method.teacher(image).logits)
    method.eval()
    assert torch.equal(method.predict(image), method.predict(image))


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    options = QUIET | {"passes": 3, "consistency": 0.7}
    method = build("ua_mt", blueprint(classes=classes, dropout=0.0), options, sharpness=4.0)
    with torch.no_grad():
        for p in method.teacher.parameters():
            p.mul_(1.3)
    student, teacher = copy.deepcopy(method.network).double(), copy.deepcopy(method.teacher.network).double()
    given = batch(UAMT, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)
    ramp = math.exp(-5 * 0.7**2)
    logits = student(given.image.double()).logits
    q = teacher(given.image[2:].double()).logits.softmax(1)
    p = logits[2:].softmax(1)
    u = -(q * (q + 1e-6).log()).sum(1)
    mask = (u < (0.75 + 0.25 * ramp) * math.log(classes)).double()
    assert 0.05 < mask.mean() < 0.95
    slow = (mask[:, None] * (p - q) ** 2).sum() / (classes * mask.sum())
    total = slow_dice_ce(logits[:2], given.label) + 0.7 * ramp * slow
    assert losses.terms["consistency"].item() == pytest.approx(slow.item(), rel=1e-4)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, slow_gradients = gradients(method.network, losses.total), gradients(student, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), slow_gradients[name], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_two_passes_at_once_are_two_passes_but_for_statistics_of_the_batch(norm):
    """On a batch doubled, batch normalization sees the same two patches twice: only its running ones differ."""
    plan = blueprint(norm=norm, dropout=0.0)
    given = batch(UAMT)
    found = {}
    for kind in ("single", "doubled"):
        method = build("ua_mt", plan, QUIET | {"monte_carlo": kind, "passes": 4})
        calls: list[int] = []
        method.teacher.register_forward_pre_hook(lambda m, image, to=calls: to.append(len(image[0])))
        found[kind] = turn(method, given).terms["consistency"].item()
        assert calls == ([2] * 5 if kind == "single" else [4, 4, 2])
    assert found["single"] == pytest.approx(found["doubled"], rel=1e-5)


def test_each_copy_of_a_doubled_batch_has_noise_of_its_own():
    method = build("ua_mt", blueprint(), {"monte_carlo": "doubled", "passes": 2})
    seen: list[torch.Tensor] = []
    method.teacher.register_forward_pre_hook(lambda m, image: seen.append(image[0]))
    turn(method, batch(UAMT))
    assert not torch.equal(seen[0][:2], seen[0][2:])


def test_an_odd_number_of_passes_cannot_run_two_at_once():
    with pytest.raises(ValidationError, match="passes 3 must be even"):
        UAMT.Config(monte_carlo="doubled", passes=3)
