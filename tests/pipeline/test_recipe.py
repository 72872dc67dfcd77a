"""Recipes: one for each method, every value with its source, and what a user overrules is named."""

from __future__ import annotations

import pytest

from semivox.core.errors import InputError
from semivox.core.mappings import merged
from semivox.data.augmentation.schemes import find as find_augmentation
from semivox.data.planning.options import PlanOptions
from semivox.experiments.study_file import LegacyChoice, PredictChoice
from semivox.methods import METHODS, find
from semivox.pipeline.options import RunOptions, checked
from semivox.pipeline.recipe import leaves, load_recipe, recipe_names
from semivox.training.settings import TrainSettings

ALL = [(method, name) for method in sorted(METHODS) for name in recipe_names(method)]


def test_every_method_has_a_recipe():
    assert {method for method, _ in ALL} == set(METHODS)


@pytest.mark.parametrize(("method", "name"), ALL)
def test_a_recipe_is_valid_and_every_value_has_a_source(method, name):
    recipe = load_recipe(method, name)
    find(method).Config.model_validate(dict(recipe.options))
    checked(PlanOptions, name, **recipe.plan)
    checked(TrainSettings, name, **recipe.train)
    PredictChoice.model_validate(dict(recipe.predict))
    LegacyChoice.model_validate(dict(recipe.legacy))
    for section in ("plan", "train", "of_ablation", "options", "predict", "legacy"):
        for value, _ in leaves(getattr(recipe, section), f"{section}."):
            assert any(value == given or value.startswith(f"{given}.") for given in recipe.source), value
    assert all(source for source in recipe.source.values())


@pytest.mark.parametrize(("method", "name"), ALL)
def test_a_recipe_names_every_field_that_decides_a_loss(method, name):
    """A default that changes one day must not change what was published."""
    given = {field.split(".")[0] for field, _ in leaves(load_recipe(method, name).options)}
    left = set(find(method).Config.model_fields) - given
    assert left <= LEFT_OPEN.get(method, set()) | OF_A_TEACHER, f"{method} {name} leaves {sorted(left)} open"


@pytest.mark.parametrize(("method", "name"), ALL)
def test_a_recipe_that_always_reflects_allows_it_whatever_the_data_say(method, name):
    """The plan forbids to mirror where classes may be sides, which scans without names of classes leave open."""
    recipe = load_recipe(method, name)
    if "augmentation" in recipe.train and find_augmentation(recipe.train["augmentation"]).turn == "rotflip":
        assert recipe.plan["fields"]["mirror"] == [True, True, True]


OF_A_TEACHER = {"buffers", "averaging"}
LEFT_OPEN = {
    "sassnet": {"consistency", "consistency_of", "decay", "noise_teacher", "noise_clip"},  # of V-Net+SDM+MT
    "tcse": {"decay"},  # of the second version
    "asdnet": {"staircase"},  # without a ramp
    "cct": {"bootstrap_to", "bootstrap_ramp", "confidence", "noise_student", "adversarial_iterations", "resizing"},
    "dap": {"floor", "power", "atlas_of"},
    "mtc": {"alpha"},  # of the joint strategy
    "ss_net": {"embedding_dropout"},  # the head's is read
    "caml": {"embedding_dropout"},
    "embedding_matching": {"noise_clip"},  # none
    "dkuxnet": {
        *(
            "contrast",
            "likeness",
            "temperature",
            "smallest",
            "anchors",
            "detach",
            "decay",
        ),  # ours: nothing is published
        *("jitter", "jitter_share", "noise", "noise_share", "predict_by"),
    },
}


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


def test_a_recipe_that_does_not_exist_is_a_sentence_with_those_that_do():
    with pytest.raises(
        InputError, match=r"sassnet has no recipe 'la-2021' \(did you mean 'la-2020'\?\); it has la-2020"
    ):
        load_recipe("sassnet", "la-2021")
    with pytest.raises(InputError, match="sassnet has no recipe"):
        RunOptions.of({}, {}, method="sassnet", recipe="../bases/la-6000")


def test_merging_leaves_the_files_alone():
    first = load_recipe("ua_mt", "la-2019")
    first.plan_with({"network": "unet3d"})
    assert load_recipe("ua_mt", "la-2019") == first
    assert merged({}, first.plan)["fields"]["network"]["options"]["width"] == 16
