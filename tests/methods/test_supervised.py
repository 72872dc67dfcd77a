"""The supervised baseline: its loss, its schedules, and what it may not look at."""

from __future__ import annotations

import pytest
import torch

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce
from semivox.methods.method import Losses, OptimizerConfig
from semivox.methods.supervised import Supervised
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import train
from tests.contract.examples import Scripted, build, logit, turn


@pytest.mark.parametrize(
    ("step", "rate"), [(1, 1e-2), (2500, 1e-2), (2501, 1e-3), (5000, 1e-3), (5001, 1e-4), (6000, 1e-4)]
)
def test_rate_of_the_left_atrium_protocol(step, rate):
    config = OptimizerConfig(kind="sgd", rate=0.01, schedule="steps", warmup=0)
    assert config.rate_at(Progress(step - 1, 6000)) == pytest.approx(rate)  # ours count from 0


def test_poly_and_constant_rates():
    poly = OptimizerConfig(rate=0.02, warmup=0)
    rates = [poly.rate_at(Progress(step, 1000)) for step in (0, 500, 999)]
    assert rates == pytest.approx([0.02, 0.02 * 0.5**0.9, 0.02 * 0.001**0.9])
    assert OptimizerConfig(schedule="constant", rate=0.01, warmup=0).rate_at(Progress(999, 1000)) == 0.01


def test_warm_up_rises_linearly_and_then_lets_go():
    config = OptimizerConfig(schedule="constant", rate=1.0, warmup=4)
    rates = [config.rate_at(Progress(step, 100)) for step in range(6)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_optimizers_are_built_as_configured():
    module = torch.nn.Linear(2, 2)
    module.bias.requires_grad_(False)
    (group,) = OptimizerConfig(kind="sgd", rate=0.01, decay=1e-4).build(module).param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"], group["nesterov"]) == (0.01, 0.9, 1e-4, False)
    assert len(group["params"]) == 1
    adam = OptimizerConfig(kind="adam", rate=1e-4, decay=0).build(module)
    assert type(adam) is torch.optim.Adam
    assert adam.defaults["betas"] == (0.9, 0.99)
    assert type(OptimizerConfig(kind="adamw").build(module)) is torch.optim.AdamW


def test_its_loss_is_half_cross_entropy_half_dice():
    method = build("supervised", blueprint())
    method.network = Scripted(logit([0.8, 0.6, 0.3, 0.1]))
    label = torch.tensor([1, 1, 0, 0]).reshape(1, 1, 1, 4)
    losses = turn(method, Batch(torch.zeros(1, 1, 1, 1, 4), label, ("a",)))
    assert losses.total.item() == pytest.approx((0.2990012 + 0.0967739) / 2, abs=5e-7)


def test_unlabeled_patches_are_not_even_seen():
    method = build("supervised", blueprint())
    given = batch(Supervised, 2, 3)
    seen = []
    method.network.register_forward_pre_hook(lambda m, image: seen.append(image[0]))
    turn(method, given)
    assert torch.equal(seen[0], given.image[:2])
    assert not Supervised.uses_unlabeled
    alone = batch(Supervised, 2, 0)
    alone = Batch(given.image[:2], given.label, given.cases[:2])
    assert (
        turn(build("supervised", blueprint()), alone).total.item()
        == turn(build("supervised", blueprint()), given).total.item()
    )


def test_a_term_of_weight_zero_is_gone_even_if_it_is_not_a_number():
    w = torch.ones((), requires_grad=True)
    losses = Losses({"good": 2 * w, "bad": w * float("nan"), "half": 3 * w}, {"bad": 0.0, "half": 0.5})
    losses.total.backward()
    assert losses.total.item() == 3.5
    assert w.grad.item() == 3.5


def test_a_weight_for_a_term_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="consistancy"):
        Losses({"consistency": torch.ones(())}, {"consistancy": 0.1})


@pytest.mark.parametrize("architecture", ["vnet", "unet3d"])
def test_one_patch_is_learned_by_heart_and_the_curve_repeats(architecture):
    adam = {"network": {"kind": "adam", "rate": 0.02, "schedule": "constant", "decay": 0.0}}
    plan = blueprint(architecture, width=4, dropout=0.05)
    given = batch(Supervised, 1, 0)
    curves = []
    for _ in range(2):
        method = build("supervised", plan, adam)
        curves.append([losses.total.item() for losses in train(method, given, range(15), 300)])
    assert curves[0] == curves[1]
    for start in range(15, 300, 15):
        train(method, given, range(start, start + 15), 300)
        with torch.no_grad():
            found = method.eval().predict(given.image).argmax(1)
        method.train()
        dice = 2 * (found * given.label).sum() / (found.sum() + given.label.sum())
        if dice > 0.98:
            return
    pytest.fail(f"Dice {dice:.3f} after 300 steps")


def test_the_balance_between_classes_falls_to_nothing_with_the_end_of_the_run():
    method = build("supervised", blueprint(), {"balance": 0.4})
    assert [method.balance(Progress(step, 8)) for step in (0, 4, 8)] == pytest.approx([0.4, 0.2, 0.0])
    method.network = Scripted(*[logit([0.8, 0.6, 0.3, 0.1])] * 2)
    given = Batch(torch.zeros(1, 1, 1, 1, 4), torch.tensor([1, 0, 0, 0]).reshape(1, 1, 1, 4), ("a",))
    first, middle = (turn(method, given, step).total for step in (0, 4))
    plain = dice_ce(logit([0.8, 0.6, 0.3, 0.1]), given.label)
    assert (first - plain).item() == pytest.approx(2 * (middle - plain).item(), rel=1e-4)
    assert first.item() == pytest.approx(dice_ce(logit([0.8, 0.6, 0.3, 0.1]), given.label, balance=0.4).item())
