"""What a user sets otherwise than a recipe: it holds, and it is named with the recipe's value."""

from __future__ import annotations

import pytest

from semivox.core.split import Split
from semivox.pipeline.options import RunOptions
from semivox.pipeline.recipe import load_recipe


def test_an_ablation_overrules_its_recipe_and_the_user_both():
    def options(**given):
        return RunOptions.of({}, {}, method="sassnet", recipe="la-2020", **given).config().options

    assert options()["adversarial"] == 0.01
    assert options()["head"] == "sigmoid"
    assert options(ablation="paper's weight")["adversarial"] == 0.001
    assert options(ablation="paper's weight", options={"adversarial": 0.5})["adversarial"] == 0.5


def test_what_the_user_sets_otherwise_is_named_with_the_recipes_value():
    wanted = RunOptions.of(
        {"steps": 600, "clip": 1e6},
        {"patch": (32, 32, 16), "fields": {"labeled_per_step": 4}},
        method="sassnet",
        recipe="la-2020",
        options={"adversarial": 0.02, "network": {"rate": 0.01, "momentum": 0.5}},
    )
    assert wanted.plan.patch == (32, 32, 16)
    assert wanted.train.augmentation == "la"
    told = wanted.told()
    for line in (
        "plan.patch 32 x 32 x 16 (recipe: 112 x 112 x 80)",
        "plan.labeled_per_step 4 (recipe: 2)",
        "train.steps 600 (recipe: 6000)",
        "method.adversarial 0.02 (recipe: 0.01)",
        "method.network.momentum 0.5 (recipe: 0.9)",
        "these periods do not follow the number of steps: method.network.drop_every, method.ramp, method.staircase",
    ):
        assert f"overruled: {line}" in told, line
    assert "rate" not in told.replace("momentum", "")
    assert "clip" not in told


def test_a_network_of_the_users_takes_none_of_the_recipes_options():
    wanted = RunOptions.of({}, {"network": "unet3d", "patch": (32, 32, 16)}, method="ua_mt", recipe="la-2019")
    assert wanted.plan.network == "unet3d"
    assert "network" not in wanted.plan.fields
    assert "network" not in load_recipe("dkuxnet", "la-2024").plan["fields"]


@pytest.mark.parametrize(
    ("labeled", "told"),
    [
        (16, ""),
        (None, ""),
        (8, "labeled scans 8 (recipe: 16; published for 8: la-2020-8)"),
        (4, "labeled scans 4 (recipe: 16)"),
        (Split(labeled=("a", "b"), unlabeled=("c",)), "labeled scans 2 (recipe: 16)"),
    ],
)
def test_a_number_of_labeled_scans_that_a_recipe_is_not_for_is_told(labeled, told):
    said = RunOptions.of({}, {}, split=labeled, method="sassnet", recipe="la-2020").told()
    assert ("labeled scans" in said) == bool(told)
    assert told in said
    assert "labeled scans" not in RunOptions.of({}, {}, split=labeled, method="ua_mt", recipe="la-2019").told()


def resolved(**given):
    wanted = RunOptions.of(given.pop("train", {}), given.pop("plan", {}), recipe="la-2020", method="sassnet", **given)
    return wanted, "\n".join(wanted.overruled)


@pytest.mark.parametrize(
    ("field", "value", "theirs"),
    [("precision", "bf16-mixed", "32-true"), ("augmentation", "standard", "la"), ("labeled_per_step", 3, "2")],
)
@pytest.mark.parametrize("where", ["plan", "train"])
def test_what_plan_and_training_both_have_is_the_users_and_named_once(field, value, theirs, where):
    given = {"train": {field: value}} if where == "train" else {"plan": {"fields": {field: value}}}
    wanted, told = resolved(**given)
    in_training = getattr(wanted.train, field)
    assert (wanted.plan.fields.get(field) if in_training is None else in_training) == value
    assert told == f"{where}.{field} {value} (recipe: {theirs})"


def test_what_is_set_in_both_is_what_the_training_settings_say():
    wanted, told = resolved(train={"augmentation": "none"}, plan={"fields": {"augmentation": "standard"}})
    assert wanted.train.augmentation == "none"
    assert told == "train.augmentation none (recipe: la)"


def test_an_ablations_own_batch_is_what_is_overruled():
    wanted, told = resolved(train={"labeled_per_step": 2}, ablation="V-Net+SDM")
    assert wanted.train.labeled_per_step == 2
    assert told == "train.labeled_per_step 2 (recipe: 4)"
    assert resolved(train={"labeled_per_step": 4}, ablation="V-Net+SDM")[1] == ""


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({"devices": 2, "split_batch": True}, ["train.devices 2 (recipe: 1)"]),
        ({"devices": 2}, ["train.devices 2 (recipe: 1)", "2 processes see 2 times as many patches a step"]),
        ({"start": "runs/pretrained"}, ["train.start runs/pretrained (recipe: None)"]),
        ({"workers": 7, "seed": 3, "save_every": 1.0}, []),
    ],
)
def test_settings_that_no_recipe_names_and_that_decide_what_is_learned_are_told(settings, lines):
    told = resolved(train=settings)[1].splitlines()
    assert len(told) == len(lines)
    for line, expected in zip(told, lines, strict=True):
        assert line.startswith(expected)


def test_hours_overrule_a_recipes_steps_and_are_named():
    wanted, told = resolved(plan={"hours": 2.0})
    assert wanted.plan.steps is None
    assert wanted.plan.patch == (112, 112, 80)
    assert "steps: as many as 2 hours allow (recipe: 6000)" in told
    assert "these periods do not follow the number of steps" in told
    kept, told = resolved(plan={"hours": 2.0, "steps": 600})
    assert kept.plan.steps == 600
    assert "hours" not in told
