"""ASDNet, number by number, who is moved by what, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.asdnet import ASDNet, hard_dice
from semivox.testing.patches import blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import build, logit, turn
from tests.functional.made_up import labels, volume
from tests.functional.restatements import slow_dice_ce, slow_generalized_dice

PAPER = dict(ASDNet.ablations["paper's loss"])
EXAMPLE = volume([0.8, 0.2, 0.0, 0.0], [0.2, 0.8, 1.0, 1.0])
"""Right everywhere, with a generalized Dice loss of 1/6."""


def step_of(method: ASDNet, given: Batch, step: int = 4, steps: int = 8):
    seed_step(0, step, 0)
    return method.step(given, Progress(step, steps))


def configured(**options) -> ASDNet:
    return build("asdnet", blueprint(), options)


# ---- sample attention -----------------------------------------------------------------------------------------------


def test_a_patch_that_is_segmented_without_error_does_not_count():
    method, label = configured(**PAPER), labels(0, 1, 1, 1)
    dice = hard_dice(EXAMPLE, label)
    assert dice.tolist() == [1.0]
    loss = method._per_patch(EXAMPLE.log(), EXAMPLE, label)
    assert loss.item() == pytest.approx(1 / 6, abs=1e-7)
    assert (method._importance(EXAMPLE, dice) * loss).item() == 0


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 0.0029630), ({"attention": 0.0}, 1 / 6), ({"attention_floor": 0.5}, 1 / 12)]
)
def test_power_and_floor_of_the_attention(options, expected):
    method = configured(**PAPER | options)
    loss = method._per_patch(EXAMPLE.log(), EXAMPLE, labels(0, 1, 1, 1))
    assert (method._importance(EXAMPLE, torch.tensor([0.8666667])) * loss).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("doubt", "importance"), [(0.0, 3.625), (0.1, 2.5), (0.3, 1.0), (0.5, 0.5), (0.7, 1.0), (1.0, 3.625)]
)
def test_attention_of_the_released_code(doubt, importance):
    surest = torch.full((1, 2, 1, 1, 3), 1 - doubt)
    found = configured(attention_by="confidence", attention_scale="absolute")._importance(surest, torch.tensor([0.0]))
    assert found.item() == pytest.approx(importance, rel=1e-5)


def test_relative_attention_leaves_the_supervised_term_its_size():
    """However well the patches of a step are segmented, they count one on average, and a worse one counts more."""
    method, anything = configured(), torch.full((3, 2, 1, 1, 1), 0.5)
    for error in (1.0, 0.1, 1e-2):
        dice = 1 - error * torch.tensor([0.1, 0.2, 0.3])
        expected = torch.tensor([1.0, 4.0, 9.0]) * 3 / 14
        torch.testing.assert_close(method._importance(anything, dice), expected, atol=1e-4, rtol=1e-3)
    assert not method._importance(anything, torch.ones(3)).any()


def test_dice_is_that_of_the_classes_that_the_label_shows():
    label = torch.tensor([[1, 1, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 255, 0, 255]])[:, None, None]
    found = torch.tensor([[1, 0, 0, 3], [0, 0, 0, 0], [0, 3, 0, 0], [1, 2, 0, 2]])[:, None, None]
    dice = hard_dice(F.one_hot(found, 4).movedim(-1, 1).float(), label)
    assert dice.tolist() == pytest.approx([(2 / 3 + 0) / 2, 1, 0, 1])


def test_attention_has_no_gradient():
    """Scaling by a constant, the gradient of the loss is scaled by it, and nothing is added."""
    given = odd_batch(ASDNet)
    plain, weighed = (build("asdnet", odd_blueprint(dropout=0.0), PAPER | {"attention": a}, 4.0) for a in (0.0, 2.0))
    one = gradients(plain.network, plain._per_patch(*parts(plain, given), given.label)[0])
    losses = turn(weighed, given)
    probabilities = parts(weighed, given)[1]
    dice = hard_dice(probabilities, given.label)
    assert (dice > 0).all()
    assert (dice < 1).all()
    expected = (1 - dice) ** 2 * weighed._per_patch(*parts(weighed, given), given.label)
    assert losses.terms["supervised"].item() == pytest.approx(expected.mean().item(), rel=1e-4)
    two = gradients(weighed.network, (weighed._importance(probabilities, dice) * expected)[0])
    factor = ((1 - dice[0]) ** 4).item()
    for name, gradient in one.items():
        torch.testing.assert_close(two[name], factor * gradient, atol=1e-6, rtol=1e-3)


def parts(method: ASDNet, given: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    logits = method.network(given.image).logits[: len(given.label)]
    return logits, logits.softmax(1)


# ---- region attention -----------------------------------------------------------------------------------------------


def test_cross_entropy_on_the_voxels_that_are_believed():
    method = configured(region_loss="ce")
    logits = logit([0.9, 0.6, 0.7, 0.5])
    confidence = torch.tensor([0.9, 0.1, 0.6, 0.3]).reshape(1, 1, 1, 4)
    found = method._believed(logits, logits.softmax(1), confidence > 0.2)
    assert found.item() == pytest.approx(0.385061, abs=1e-6)


@pytest.mark.parametrize("loss", ["ce", "dice"])
def test_nothing_is_believed_at_a_threshold_of_one(loss):
    method = build("asdnet", odd_blueprint(), {"region_loss": loss, "threshold": 1.0}, 4.0)
    losses = turn(method, odd_batch(ASDNet))
    assert losses.terms["region"].item() == 0
    assert float(losses.log["credible"]) == 0
    found = gradients(method.network, losses.terms["region"])
    assert all(torch.isfinite(g).all() and not g.any() for g in found.values() if g is not None)


def test_dice_on_the_voxels_that_are_believed():
    method = configured(region_loss="dice")
    every = torch.ones(1, 1, 1, 4, dtype=torch.bool)
    certain = volume([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0])
    assert method._believed(certain, certain, every).item() == 0
    even = volume([0.51, 0.51, 0.49, 0.49], [0.49, 0.49, 0.51, 0.51])
    assert method._believed(even, even, every).item() == pytest.approx(0.49, abs=1e-6)


def test_trust_rises_with_the_dice_on_labeled_patches():
    method = build("asdnet", odd_blueprint(), {"threshold": None}, 4.0)
    assert float(turn(method, odd_batch(ASDNet)).log["credible"]) == 0
    seen = train(method, odd_batch(ASDNet), range(2), 8)
    first, second = (float(losses.log["dice"]) for losses in seen if losses.player == "network")
    assert first > 0
    assert method.dice.item() == pytest.approx(0.95 * 0.05 * first + 0.05 * second, rel=1e-5)
    assert float(method._threshold()) == pytest.approx(1 - method.dice.item())


# ---- the two players ------------------------------------------------------------------------------------------------


def test_an_undecided_discriminator_loses_ln_2_a_side():
    method = build("asdnet", odd_blueprint())
    with torch.no_grad():
        method.discriminator.judgment.weight.zero_()
        method.discriminator.judgment.bias.zero_()
    network, discriminator = step_of(method, odd_batch(ASDNet))
    assert network.terms["adversarial"].item() == pytest.approx(math.log(2), rel=1e-6)
    assert discriminator.terms["discrimination"].item() == pytest.approx(2 * math.log(2), rel=1e-6)
    assert discriminator.total.item() == discriminator.terms["discrimination"].item()


@pytest.mark.parametrize(
    ("options", "judged"),
    [
        ({}, [(4, False), (4, True)]),
        ({"region": 0.0}, [(4, False), (4, True)]),
        ({"adversarial": 0.0}, [(2, False), (4, True)]),
        ({"adversarial": 0.0, "region": 0.0}, []),
    ],
)
def test_no_forward_pass_without_use(options, judged):
    """One pass of the network; the discriminator judges fixed, then learns from as many true as false maps."""
    method = build("asdnet", odd_blueprint(), options)
    passes, calls = [], []
    method.network.register_forward_hook(lambda m, x, y: passes.append(len(x[0])))
    method.discriminator.register_forward_hook(lambda m, x, y: calls.append((len(x[0]), m.training)))
    assert len(list(step_of(method, odd_batch(ASDNet)))) == (2 if judged else 1)
    assert passes == [4]
    assert calls == judged


def test_the_discriminator_learns_from_labeled_patches_alone():
    method = build("asdnet", odd_blueprint())
    given = odd_batch(ASDNet)
    seen = []
    method.discriminator.register_forward_hook(lambda m, x, y: seen.append(x[0]))
    probabilities = []
    method.network.register_forward_hook(lambda m, x, y: probabilities.append(y.logits.softmax(1)))
    list(step_of(method, given))
    drawn, predicted = seen[1].chunk(2)
    assert torch.equal(drawn, F.one_hot(given.label, 3).movedim(-1, 1).float())
    torch.testing.assert_close(predicted, probabilities[0][:2])
    assert not seen[1].requires_grad
    assert seen[0].requires_grad


def test_where_the_expert_is_silent_nothing_is_told_apart():
    method = build("asdnet", odd_blueprint())
    given = odd_batch(ASDNet)
    label = given.label.clone()
    label[:, :, :8] = 255
    seen = []
    method.discriminator.register_forward_hook(lambda m, x, y: seen.append((x[0], y.detach())))
    _, losses = step_of(method, Batch(given.image, label, given.cases))
    drawn, predicted = seen[1][0].chunk(2)
    assert torch.equal(drawn[:, :, :, :8], predicted[:, :, :, :8])
    true, false = seen[1][1][:, :, 8:].chunk(2)
    expected = F.softplus(-true).mean() + F.softplus(false).mean()
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
    right = ((true > 0).float().mean() + (false < 0).float().mean()) / 2
    assert float(losses.log["discriminator_accuracy"]) == pytest.approx(right.item(), rel=1e-5)


def test_the_image_can_be_judged_along():
    method = build("asdnet", odd_blueprint(), {"judged": "both"})
    given, seen = odd_batch(ASDNet), []
    method.discriminator.register_forward_hook(lambda m, x, y: seen.append(x[0]))
    list(step_of(method, given))
    assert torch.equal(seen[0][:, 3:], given.image)
    assert torch.equal(seen[1][:, 3:], given.image[[0, 1, 0, 1]])


# ---- one step, slowly -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", [True, False])
def test_both_turns_against_a_restatement_in_float64(paper):
    options = {"threshold": 0.5, "adversarial": 0.7, "region": 0.9, "ramp": 10} | (PAPER if paper else {})
    method = build("asdnet", odd_blueprint(dropout=0.0), options, sharpness=4.0)
    given = odd_batch(ASDNet, 2, 3)
    with torch.no_grad():  # so that some voxels are believed and some are not
        verdict = copy.deepcopy(method.discriminator).eval()(
            copy.deepcopy(method.network)(given.image).logits.softmax(1)
        )
        method.discriminator.judgment.bias.sub_(verdict[2:].median())
    network, judge = (copy.deepcopy(m).double() for m in (method.network, method.discriminator))
    turns = step_of(method, given, 7, 100)
    mine = next(turns)
    p = network(given.image.double()).logits.softmax(1)
    verdict = judge.eval()(p)
    kept = verdict[2:].detach().sigmoid() > 0.5
    assert 0.02 < kept.double().mean() < 0.98
    own = p[2:].argmax(1)
    everywhere = torch.ones_like(given.label, dtype=torch.bool)
    if paper:
        region = torch.stack([1 - ratio(p[2 + i], own[i], kept[i]) for i in range(3)]).mean()
        costs = [1 - ratio(p[i], given.label[i], everywhere[i]) for i in range(2)]
    else:
        region = -p[2:].amax(1)[kept].log().mean()
        costs = [slow_dice_ce(p[[i]].log(), given.label[[i]]) for i in range(2)]
    errors = []
    for i in range(2):
        dice = [2 * ((p[i].argmax(0) == k) & (given.label[i] == k)).sum() for k in (1, 2)]
        dice = [
            d / ((p[i].argmax(0) == k).sum() + (given.label[i] == k).sum()) for d, k in zip(dice, (1, 2), strict=True)
        ]
        errors.append((1 - sum(dice) / 2) ** 2)
    if not paper:
        errors = [2 * error / sum(errors) for error in errors]
    supervised = sum(error * cost for error, cost in zip(errors, costs, strict=True)) / 2
    ramp = math.exp(-5 * 0.3**2)
    adversarial = F.binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))
    total = supervised + ramp * (0.7 * adversarial + 0.9 * region)
    assert mine.total.item() == pytest.approx(total.item(), rel=1e-5)
    assert float(mine.log["credible"]) == pytest.approx(kept.double().mean().item())
    found, expected = gradients(method.network, mine.total), gradients(network, total)
    for name in found:
        torch.testing.assert_close(found[name].double(), expected[name], atol=1e-5, rtol=2e-3)

    theirs = next(turns)
    expert = F.one_hot(given.label, 3).movedim(-1, 1).double()
    verdict = judge.train()(torch.cat([expert, p[:2].detach()]))
    told = F.binary_cross_entropy_with_logits(verdict[:2], torch.ones_like(verdict[:2]))
    told = told + F.binary_cross_entropy_with_logits(verdict[2:], torch.zeros_like(verdict[2:]))
    assert theirs.total.item() == pytest.approx(told.item(), rel=1e-4)


def ratio(p: torch.Tensor, label: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """The generalized Dice overlap of one patch, with its gradient; its value agrees with the slow formula."""
    sizes = [((label == k) & counted).sum() for k in range(len(p))]
    weights = [1 / size.double() ** 2 if size else torch.zeros((), dtype=torch.float64) for size in sizes]
    top = sum(w * p[k][(label == k) & counted].sum() for k, w in enumerate(weights))
    bottom = sum(w * (p[k][counted].sum() + sizes[k]) for k, w in enumerate(weights))
    found = 2 * top / bottom
    assert 1 - found.item() == pytest.approx(slow_generalized_dice(p.detach(), label, counted), rel=1e-6)
    return found


def test_a_patch_without_object_counts_only_while_something_is_found_in_it():
    method = build("asdnet", odd_blueprint(), sharpness=4.0)
    given = odd_batch(ASDNet)
    empty = Batch(given.image, torch.zeros_like(given.label), given.cases)
    assert turn(method, empty).terms["supervised"].item() > 0.1
    with torch.no_grad():
        method.network.heads[0].heads["logits"].bias.copy_(torch.tensor([50.0, 0.0, 0.0]))
    assert turn(method, empty).terms["supervised"].item() == 0
