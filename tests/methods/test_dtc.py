"""DTC, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from semivox.core.batch import Batch
from semivox.functional.distance import signed_distance, signed_distance_of_mask, soft_mask
from semivox.functional.losses import soft_dice
from semivox.methods.dtc import DTC
from semivox.networks.architecture import Output
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import Scripted, build, logit, turn
from tests.functional.made_up import ONE, cube
from tests.functional.restatements import slow_dice_ce


def scripted(
    distance: list[float], inside: list[float], label: list[int] | None = None, **options: object
) -> tuple[DTC, Batch]:
    """One labeled and one unlabeled patch, on both of which the heads answer with these distances and probabilities."""
    voxels = len(inside)
    method = build("dtc", blueprint(), options)
    drawn = torch.zeros(1, 1, 1, voxels).long() if label is None else torch.tensor(label).reshape(1, 1, 1, voxels)
    before_tanh = torch.tensor(distance, dtype=torch.float64).atanh().float().reshape(1, 1, 1, 1, voxels)
    logits = torch.cat([logit(inside)] * 2).requires_grad_()
    extra = {"distance": torch.cat([before_tanh] * 2).requires_grad_()}
    method.network = Scripted(Output(logits, logits, (), (), extra))
    target = torch.from_numpy(signed_distance(drawn[0].numpy().astype(np.uint8), ONE, 2))[None]
    return method, Batch(torch.zeros(2, 1, 1, 1, voxels), drawn, ("l", "u"), {"distance": target})


# ---- the transform --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "inside"),
    [(0, 0.5), (0.001, 0.182426), (0.002, 0.0474259), (0.003, 0.0109869), (0.005, 5.528e-4), (0.01, 3.059e-7)],
)
def test_the_transform_falls_from_one_inside_to_zero_outside(distance, inside):
    found = soft_mask(torch.tensor([distance, -distance], dtype=torch.float64), 1500)
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx([inside, 1 - inside], rel=1e-4)


def test_the_transform_is_steep_at_the_surface_and_flat_elsewhere():
    distance = torch.tensor([0.0, 0.005, -0.005], requires_grad=True)
    soft_mask(distance, 1500).sum().backward()
    assert distance.grad[0].item() == pytest.approx(-375)
    assert (distance.grad[1:].abs() < 1).all()


# ---- the terms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "inside", "expected"), [(0.0, 0.5, 0.0), (-1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 0.25)]
)
def test_consistency_of_one_voxel(distance, inside, expected):
    losses = turn(*scripted([distance], [inside]))
    assert losses.terms["consistency"].item() == pytest.approx(expected, abs=1e-6)


def test_perfect_heads_keep_a_quarter_on_each_surface_voxel():
    mask = cube(3, 5)
    distance, inside = signed_distance_of_mask(mask, ONE).ravel(), mask.ravel()
    losses = turn(*scripted(distance.tolist(), inside.astype(float).tolist()))
    assert losses.terms["consistency"].item() == pytest.approx(26 * 0.25 / 125, abs=1e-6)


def test_regression_of_a_line_worked_out_by_hand():
    """Targets 1, .5, 0, -1, 0, .5, 1 against 0 everywhere."""
    method, given = scripted([0.0] * 7, [0.5] * 7, [0, 0, 1, 1, 1, 0, 0])
    assert turn(method, given).terms["distance"].item() == pytest.approx(3.5 / 7)


def test_unknown_voxels_are_left_out_of_the_regression():
    method, given = scripted([0.0] * 7, [0.5] * 7, [0, 0, 1, 1, 1, 0, 255])
    assert turn(method, given).terms["distance"].item() == pytest.approx(2.5 / 6)
    method, given = scripted([0.0] * 3, [0.5] * 3, [255] * 3)
    assert turn(method, given).terms["distance"].item() == 0


@pytest.mark.parametrize(("label", "far"), [(0, 1.0), (1, -1.0)])
def test_patches_without_a_surface(label, far):
    rule = {"far": (0.5 - far) ** 2, "surface": 0.25, "skip": 0.0}
    for absent, expected in rule.items():
        losses = turn(*scripted([0.5] * 4, [0.5] * 4, [label] * 4, absent=absent))
        assert losses.terms["distance"].item() == pytest.approx(expected, abs=1e-6), absent


def test_each_class_has_its_own_map_and_only_missing_classes_follow_the_rule():
    given = odd_batch(DTC)
    only_first = torch.where(given.label == 2, 0, given.label)
    target = given.targets["distance"].clone()
    target[:, 1] = 1
    given = Batch(given.image, only_first, given.cases, {"distance": target})
    seen = {}
    for absent in ("far", "surface", "skip"):
        method = build("dtc", odd_blueprint(dropout=0.0), {"absent": absent})
        found = method.network(given.image).extra["distance"][:2].tanh()
        assert found.shape == target.shape
        per_map = (found - target).square().mean((0, 2, 3, 4))
        zeros = found[:, 1].square().mean()
        expected = {"far": per_map.mean(), "surface": (per_map[0] + zeros) / 2, "skip": per_map[0]}[absent]
        seen[absent] = turn(method, given).terms["distance"].item()
        assert seen[absent] == pytest.approx(expected.item(), rel=1e-5)
    assert len(set(seen.values())) == 3


# ---- gradients ------------------------------------------------------------------------------------------------------


def sides(method: DTC, given: Batch, term: str) -> dict[str, torch.Tensor]:
    """Gradient of a term with respect to what each head said, for each patch: (2, ...) each."""
    (answer,) = method.network.answers
    asked = {"logits": answer.logits, "distance": answer.extra["distance"]}
    found = torch.autograd.grad(turn(method, given).terms[term], list(asked.values()), allow_unused=True)
    return {n: torch.zeros(2) if g is None else g.flatten(1).abs().sum(1) for n, g in zip(asked, found, strict=True)}


def test_consistency_moves_both_heads_on_both_kinds_of_patches():
    found = sides(*scripted([0.001, -0.001], [0.6, 0.3]), "consistency")
    assert all((gradient > 0).all() for gradient in found.values())
    found = sides(*scripted([0.001, -0.001], [0.6, 0.3], consistency_on="unlabeled"), "consistency")
    assert all(gradient[0] == 0 and gradient[1] > 0 for gradient in found.values())


def test_the_regression_moves_the_distance_head_on_labeled_patches_alone():
    found = sides(*scripted([0.4, -0.4], [0.6, 0.3], [0, 1]), "distance")
    assert found["distance"][0] > 0
    assert found["distance"][1] == 0
    assert not found["logits"].any()


def test_consistency_reaches_both_heads_and_the_first_layer():
    method = build("dtc", odd_blueprint(), {"steepness": 5.0})
    found = gradients(method.network, turn(method, odd_batch(DTC)).terms["consistency"])
    heads = [name for name in found if "heads.0.heads" in name and name.endswith("weight")]
    assert len(heads) == 2
    assert all(found[name].any() for name in [*heads, next(iter(found))])


def test_dice_alone_is_a_supervised_step_on_dice():
    method = build("dtc", odd_blueprint(dropout=0.0), {"segmentation": "dice", "distance": 0.0, "consistency": 0.0})
    given = odd_batch(DTC)
    alone = soft_dice(method.network(given.image).logits[:2], given.label)
    mine, theirs = gradients(method.network, turn(method, given).total), gradients(method.network, alone)
    for name, gradient in theirs.items():
        if gradient is None or "distance" in name:
            assert mine[name] is None or not mine[name].any()
        else:
            assert torch.equal(mine[name], gradient)


# ---- weights, cost, prediction --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "weight"), [(0, 0.0067379), (149, 0.0067379), (3000, 0.2865048), (6000, 1.0)])
def test_weights_of_the_authors_code(step, weight):
    found = turn(*scripted([0.1], [0.5], staircase=150, ramp=6000), step, 9000).weights
    assert found == {"distance": 0.3, "consistency": pytest.approx(weight, abs=5e-8)}


def test_one_forward_pass_a_step():
    method, given = build("dtc", blueprint()), batch(DTC)
    calls = []
    method.network.register_forward_pre_hook(lambda m, image: calls.append(image[0].shape))
    turn(method, given)
    assert calls == [given.image.shape]


def test_prediction_ignores_the_distance_head():
    method, given = build("dtc", odd_blueprint()).eval(), odd_batch(DTC)
    with torch.no_grad():
        before = method.predict(given.image)
        for p in method.network.heads[0].heads["distance"].parameters():
            p.normal_()
        assert torch.equal(before, method.predict(given.image))


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    options = {"consistency": 0.7, "steepness": 20.0}
    method = build("dtc", blueprint(classes=classes, dropout=0.0), options, sharpness=4.0)
    network = copy.deepcopy(method.network).double()
    given = batch(DTC, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)
    output = network(given.image.double())
    p, s = output.logits.softmax(1), output.extra["distance"].tanh()
    target = given.targets["distance"].double()
    agreement, regression = 0.0, 0.0
    for index in range(classes - 1):
        agreement += ((1 / (1 + (20 * s[:, index]).exp()) - p[:, index + 1]) ** 2).mean() / (classes - 1)
        regression += ((s[:2, index] - target[:, index]) ** 2).mean() / (classes - 1)
    weight = 0.7 * math.exp(-5 * 0.7**2)
    total = slow_dice_ce(output.logits[:2], given.label) + 0.3 * regression + weight * agreement
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, slow = gradients(method.network, losses.total), gradients(network, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), slow[name], atol=1e-5, rtol=1e-3)
