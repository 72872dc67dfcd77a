"""DAP, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import cross_entropy, focal, soft_dice
from semivox.methods.dap import DAP
from semivox.testing.patches import balls, batch, blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import Scripted, build, logit, turn

ALONE = {"adversarial_labeled": 0.0, "adversarial_unlabeled": 0.0, "self_training": 0.0}
PAPER = dict(DAP.ablations["paper's loss"])
LINES = [np.array(v, np.uint8).reshape(1, 1, 4) for v in ([1, 1, 0, 0], [0, 1, 1, 0])]
FAR = math.exp(-2)  # the Gaussian's weight where the atlas is certain


class Verdicts(nn.Module):
    """A discriminator that says the same logits of each patch's voxels, whatever it is shown."""

    def __init__(self, verdicts: list[float]) -> None:
        super().__init__()
        self.said = nn.Parameter(torch.tensor(verdicts))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.said + 0 * maps.sum(1)


def scripted(
    inside: list[float], label: list[int], verdicts: list[float] | None = None, **options: object
) -> tuple[DAP, Batch]:
    """One labeled and one unlabeled patch of four voxels, predicted alike; the atlas of ``LINES``; given verdicts, in
    logits, on the voxels of either."""
    method = build("dap", blueprint(), PAPER | options)
    method.fit_labels(LINES)
    answer = torch.cat([logit(inside)] * 2).requires_grad_()
    method.network = Scripted(answer)
    method.discriminator = Verdicts(verdicts or [0.0] * len(inside))
    drawn = torch.tensor(label).reshape(1, 1, 1, -1)
    return method, Batch(torch.zeros(2, 1, 1, 1, len(inside)), drawn, ("l", "u"))


def supervised(*given, **options) -> float:
    return turn(*scripted(*given, **options)).terms["supervised"].item()


# ---- the Bayesian loss ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "loss"), [(0.9, 0.0010536), (0.5, 0.1732868), (0.1, 1.8650938)])
def test_the_focal_loss_of_a_voxel(p, loss):
    factor, adversarial_loss = focal(logit([p]), torch.ones(1, 1, 1, 1).long(), 2.0)
    assert (factor * adversarial_loss).item() == pytest.approx(loss, rel=1e-5)


def test_focal_factors_are_finite_with_finite_gradients_at_certainty():
    for gamma in (0.0, 0.5, 2.0):
        logits = torch.tensor([[80.0, -80.0], [-80.0, 80.0]]).reshape(1, 2, 1, 1, 2).requires_grad_()
        factor, adversarial_loss = focal(logits, torch.tensor([[[[1, 1]]]]), gamma)
        (factor * adversarial_loss).sum().backward()
        assert torch.isfinite(logits.grad).all()


def test_weights_of_an_atlas_worked_out_by_hand():
    """Atlas .5, 1, .5, 0; every voxel at p = .5."""
    drawn = [1, 1, 0, 0]
    weights = [1, FAR, 1, FAR]
    at_half = 0.1732868
    assert supervised([0.5] * 4, drawn, divide_by="voxels") == pytest.approx(0.0983683, rel=1e-4)
    assert supervised([0.5] * 4, drawn) == pytest.approx(at_half, rel=1e-5)
    losses = turn(*scripted([0.5] * 4, drawn))
    assert float(losses.log["atlas_weight"]) == pytest.approx(sum(weights) / 4, rel=1e-5)
    uneven = [0.9, 0.1, 0.5, 0.5]
    parts = [0.0010536, 1.8650938, at_half, at_half]
    expected = sum(w * f for w, f in zip(weights, parts, strict=True)) / sum(weights)
    assert supervised(uneven, drawn) == pytest.approx(expected, rel=1e-4)


def test_the_weight_is_that_of_the_drawn_class():
    """Where the atlas is certain, contradicting it or not makes no difference to the Gaussian, but to the other map."""
    agrees, against = [1, 1, 0, 0], [1, 0, 0, 1]
    at_half = 0.1732868
    for drawn, weights in ((agrees, [0.5, 0, 0.5, 0]), (against, [0.5, 1, 0.5, 1])):
        found = supervised([0.5] * 4, drawn, weighting="contradiction", divide_by="voxels")
        assert found == pytest.approx(at_half * sum(weights) / 4, rel=1e-4)
        assert supervised([0.5] * 4, drawn, divide_by="voxels") == pytest.approx(0.0983683, rel=1e-4)


def test_without_atlas_it_is_the_focal_loss_and_without_power_cross_entropy():
    inside, drawn = [0.9, 0.2, 0.6, 0.4], [1, 1, 0, 0]
    plain = cross_entropy(logit(inside), torch.tensor(drawn).reshape(1, 1, 1, 4)).item()
    assert supervised(inside, drawn, weighting="none", gamma=0.0) == pytest.approx(plain, rel=1e-5)
    assert supervised(inside, drawn, sigma=1e6, gamma=0.0) == pytest.approx(plain, rel=1e-5)
    assert supervised(inside, drawn, floor=1.0, gamma=0.0) == pytest.approx(plain, rel=1e-5)
    half_dice = 0.5 * soft_dice(logit(inside), torch.tensor(drawn).reshape(1, 1, 1, 4)).item()
    found = supervised(inside, drawn, weighting="none", gamma=0.0, segmentation="bayesian_dice")
    assert found == pytest.approx(plain + half_dice, rel=1e-5)


def test_a_detached_factor_leaves_the_value_and_changes_the_gradient():
    slopes = []
    for likelihood in ("current", "detached"):
        method, given = scripted([0.6, 0.3, 0.5, 0.5], [1, 1, 0, 0], likelihood=likelihood)
        loss = turn(method, given).terms["supervised"]
        slopes.append(torch.autograd.grad(loss, method.network.answers[0].logits)[0][0])
        assert loss.item() == pytest.approx(supervised([0.6, 0.3, 0.5, 0.5], [1, 1, 0, 0]))
    assert not torch.allclose(*slopes)


def test_unknown_voxels_do_not_count():
    found = supervised([0.5, 0.1, 0.5, 0.5], [1, 255, 0, 0])
    assert found == pytest.approx(0.1732868, rel=1e-5)
    assert supervised([0.5] * 4, [255] * 4) == 0


def test_the_atlas_of_the_others_leaves_out_the_patchs_own_scan():
    """The first line without itself is the second: 0 1 1 0, so its classes 1 1 0 0 have probability 0, 1, 0, 1."""
    found = supervised([0.5] * 4, [1, 1, 0, 0], weighting="contradiction", atlas_of="others", divide_by="voxels")
    assert found == pytest.approx(0.1732868 * 2 / 4, rel=1e-4)


def test_two_classes_of_three_are_weighed_like_two_of_two():
    label = balls((8, 8, 8), 2)
    weights = []
    for classes in (2, 3):
        method = build("dap", blueprint(classes=classes), ALONE)
        method.fit_labels([label, balls((8, 8, 8), 2, 1)])
        given = batch(DAP, 1, 1, (8, 8, 8), labels=[label] * 2)
        weights.append(method._weight(given, slice(1), given.label))
    assert torch.equal(*weights)


def test_of_two_classes_the_weight_is_that_of_the_objects_own_atlas():
    """The Gaussian about one half is the same for q and 1 - q."""
    masks = [balls((8, 8, 8), 2, seed) for seed in range(4)]
    method = build("dap", blueprint(), ALONE)
    method.fit_labels(masks)
    given = batch(DAP, 1, 1, (8, 8, 8), labels=masks[:2])
    own = method.atlas(given.patch_to_scan[:1], given.extent[:1], (8, 8, 8))[:, 1]
    assert len(own.mul(4).round().unique()) > 2
    expected = torch.exp(-0.5 * ((own - 0.5) / 0.25).square())
    torch.testing.assert_close(method._weight(given, slice(1), given.label), expected, atol=1e-6, rtol=1e-5)


# ---- the adversarial part -------------------------------------------------------------------------------------------


def test_an_undecided_discriminator_costs_ln_2_each_way():
    method, given = scripted([0.5] * 4, [1, 1, 0, 0])
    method.discriminator = build("dap", blueprint()).discriminator
    with torch.no_grad():
        for p in method.discriminator.parameters():
            p.zero_()
    mine, theirs = list(method.step(given, Progress(1, 8)))
    assert mine.terms["adversarial_labeled"].item() == pytest.approx(0.693147, rel=1e-5)
    assert mine.terms["adversarial_unlabeled"].item() == pytest.approx(0.693147, rel=1e-5)
    assert theirs.terms["discrimination"].item() == pytest.approx(0.693147, rel=1e-5)


def test_self_training_counts_the_voxels_that_pass():
    """Confidences .9, .1, .6, .3 against .2: the mean of -ln .9, -ln .7 and -ln .5."""
    verdicts = [math.log(m / (1 - m)) for m in (0.9, 0.1, 0.6, 0.3)]
    inside = [0.9, 0.6, 0.3, 0.4999999]
    method, given = scripted(inside, [0] * 4, verdicts)
    losses = turn(method, given)
    assert losses.terms["self_training"].item() == pytest.approx(0.385061, rel=1e-5)
    method, given = scripted(inside, [0] * 4, verdicts, confidence=1.0)
    losses = turn(method, given)
    assert losses.terms["self_training"].item() == 0
    (gradient,) = torch.autograd.grad(losses.terms["self_training"], method.network.answers[0].logits)
    assert not gradient.any()


def test_self_training_moves_unlabeled_predictions_alone_and_nothing_through_the_discriminator():
    """Neither the verdicts nor the network's own classes are learned through: it is cross-entropy to fixed classes."""
    verdicts = [math.log(m / (1 - m)) for m in (0.9, 0.1, 0.6, 0.3)]
    method, given = scripted([0.9, 0.6, 0.3, 0.4], [0] * 4, verdicts)
    term = turn(method, given).terms["self_training"]
    assert all(g is None for g in gradients(method.discriminator, term).values())
    logits = method.network.answers[0].logits
    (found,) = torch.autograd.grad(term, logits)
    assert not found[0].any()
    passed, classes = torch.tensor([0, 2, 3]), torch.tensor([1, 0, 0])
    slow = F.cross_entropy(logits[1, :, 0, 0].T[passed], classes)
    (expected,) = torch.autograd.grad(slow, logits)
    torch.testing.assert_close(found, expected)


def test_without_a_voxel_that_passes_the_network_still_learns_to_pass():
    """The script that the method builds on leaves out the unlabeled patches' adversarial term, too."""
    method, given = scripted([0.9, 0.6, 0.3, 0.4], [0] * 4, [-3.0] * 4)
    losses = turn(method, given)
    assert losses.terms["self_training"].item() == 0
    assert losses.terms["adversarial_unlabeled"].item() == pytest.approx(math.log1p(math.exp(3)), rel=1e-5)
    assert losses.weights["adversarial_unlabeled"] == 0.001


def test_each_sides_passing_moves_its_own_patches():
    method = build("dap", blueprint(norm="instance"))
    given = batch(DAP)
    given.image.requires_grad_()
    terms = turn(method, given).terms
    for term, mine in (("adversarial_labeled", slice(0, 2)), ("adversarial_unlabeled", slice(2, 4))):
        (gradient,) = torch.autograd.grad(terms[term], given.image, retain_graph=True)
        reached = [bool(part.any()) for part in gradient]
        assert all(reached[mine])
        assert sum(reached) == 2, term


@pytest.mark.parametrize(("step", "on"), [(0, False), (24, False), (25, True), (99, True)])
def test_self_training_begins_after_a_quarter_of_the_run(step, on):
    losses = turn(*scripted([0.5] * 4, [0] * 4), step, 100)
    assert ("self_training" in losses.terms) == on
    assert losses.weights == {"adversarial_labeled": 0.01, "adversarial_unlabeled": 0.001} | (
        {"self_training": 0.1} if on else {}
    )


def test_the_discriminator_learns_from_the_same_predictions_detached_and_from_drawn_masks():
    method = build("dap", blueprint(classes=3))
    given = batch(DAP, classes=3)
    network_calls, shown = [], []
    method.network.register_forward_pre_hook(lambda m, image: network_calls.append(image[0].shape))
    method.discriminator.register_forward_pre_hook(lambda m, maps: shown.append(maps[0]))
    first, second = list(method.step(given, Progress(4, 8)))
    assert network_calls == [given.image.shape]
    assert len(shown) == 2
    assert torch.equal(shown[1][:4], shown[0])
    assert not shown[1].requires_grad
    assert torch.equal(shown[1][4:].argmax(1), given.label)
    assert set(shown[1][4:].unique().tolist()) == {0, 1}
    assert (first.player, second.player) == ("network", "discriminator")
    assert all(g is None for g in gradients(method.network, second.total).values())


def test_without_adversarial_weights_no_discriminator_is_asked():
    method = build("dap", blueprint(), ALONE)
    asked = []
    method.discriminator.register_forward_pre_hook(lambda m, maps: asked.append(maps))
    (losses,) = list(method.step(batch(DAP), Progress(4, 8)))
    assert set(losses.terms) == {"supervised"}
    assert not asked


def test_prediction_needs_neither_atlas_nor_discriminator():
    method, given = build("dap", blueprint()).eval(), batch(DAP)
    with torch.no_grad():
        before = method.predict(given.image)
        method.fit_labels([balls((9, 9, 9), 2)])
        for p in method.discriminator.parameters():
            p.normal_()
        assert torch.equal(before, method.predict(given.image))


@pytest.mark.parametrize(("classes", "dice"), [(2, False), (3, False), (3, True)])
def test_one_step_against_a_restatement_in_float64(classes, dice):
    options = {"self_training_loss": "bayesian"} | ({} if dice else PAPER)
    method = build("dap", blueprint(classes=classes, dropout=0.0), options, sharpness=4.0)
    method.fit_labels(balls((8, 8, 8), classes, seed) for seed in range(4))
    network, judge = copy.deepcopy(method.network).double(), copy.deepcopy(method.discriminator).double()
    given = batch(DAP, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)
    prior = method.atlas(given.patch_to_scan, given.extent, (8, 8, 8)).double()

    def bayesian(p, label, prior, counted):
        index = label.unsqueeze(1)
        p, q = p.gather(1, index).squeeze(1), prior.gather(1, index).squeeze(1)
        weight = torch.exp(-((q - 0.5) ** 2) / (2 * 0.25**2)) * counted
        return -(weight * (1 - p) ** 2 * p.log()).sum() / weight.sum()

    p = network(given.image.double()).logits.softmax(1)
    passing = torch.sigmoid(judge(p).double())
    classes_u = p[2:].argmax(1)
    total = (
        bayesian(p[:2], given.label, prior[:2], torch.ones_like(given.label))
        - 0.01 * passing[:2].log().mean()
        - 0.001 * passing[2:].log().mean()
        + 0.1 * bayesian(p[2:], classes_u, prior[2:], passing[2:].detach() >= 0.2)
    )
    for k in range(1, classes) if dice else ():
        q, hot = p[:2, k], (given.label == k).double()
        overlap = (2 * (q * hot).sum() + 1e-5) / ((q * q).sum() + hot.sum() + 1e-5)
        total = total + 0.5 * (1 - overlap) / (classes - 1)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, slow = gradients(method.network, losses.total), gradients(network, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), slow[name], atol=1e-5, rtol=1e-3)


def test_the_likelihood_of_the_epoch_before_is_that_of_an_older_network():
    """The focal factor stays what it was until an epoch has passed; the logarithm is that of now."""
    method = build(
        "dap", blueprint(dropout=0.0, norm="instance"), PAPER | ALONE | {"likelihood": "previous", "epoch": 2}
    )
    given = batch(DAP)
    initial = copy.deepcopy(method.network)
    optimizer = method.config.network.build(method.network)
    seen = []
    for step in range(3):
        for losses in method.step(given, Progress(step, 8)):
            optimizer.zero_grad()
            losses.total.backward()
            optimizer.step()
        seen.append(all(map(torch.equal, method.previous.network.parameters(), initial.parameters())))
    assert seen == [True, False, False]
    assert not all(map(torch.equal, method.previous.network.parameters(), method.network.parameters()))


def test_the_focal_factor_of_another_network_is_no_gradients_way():
    method, given = scripted([0.9, 0.9, 0.9, 0.9], [1, 1, 0, 0], likelihood="previous", weighting="none", **ALONE)
    method.previous = Scripted(torch.cat([logit([0.5] * 4)] * 2))
    losses = turn(method, given)
    expected = 0.25 * -(2 * math.log(0.9) + 2 * math.log(0.1)) / 4
    assert losses.terms["supervised"].item() == pytest.approx(expected, rel=1e-5)
