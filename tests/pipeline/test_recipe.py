"""Recipes: one for each method, every value with its source, and what a user overrules is named."""

from __future__ import annotations

import pytest

from semivox.core.errors import InputError
from semivox.core.mappings import merged
from semivox.core.split import Split
from semivox.data.augmentation.schemes import find as find_augmentation
from semivox.data.planning.options import PlanOptions
from semivox.experiments.study_file import LegacyChoice, PredictChoice
from semivox.methods import METHODS, find
from semivox.pipeline.options import RunOptions, checked
from semivox.pipeline.recipe import for_labeled, leaves, load_recipe, recipe_names, tables_with
from semivox.training.settings import TrainSettings, configure
from tests.pipeline.published_values import ARMS, OF_RECIPE, OPTIMIZER, PLANS, PUBLISHED_FOR, RECIPES
from tests.pipeline.resolved import as_numbers, differences, unnamed

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
def test_a_recipe_has_the_values_that_were_published(method, name):
    """Each of them, by a table written by hand from papers and code."""
    recipe, key = load_recipe(method, name), f"{method}/{name}"
    expected = RECIPES[key] if key in RECIPES else ARMS[method]
    optimizer = OF_RECIPE[key] if key in OF_RECIPE else OPTIMIZER[recipe.protocol]
    expected = expected | {"balance": 0.0, "network": optimizer}
    found = configure(method, {}, TrainSettings(), None, recipe.options).options
    assert differences(found, expected) == {}
    assert unnamed(method, found, expected) == set()
    for part, values in PLANS[key].items():
        assert as_numbers(getattr(recipe, part)) == as_numbers(values), part
    assert recipe.of_ablation == ({"V-Net+SDM": {"labeled_per_step": 4}} if method == "sassnet" else {})
    assert list(recipe.labeled) == PUBLISHED_FOR.get(key, [])


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


@pytest.mark.parametrize(
    ("method", "name", "where"),
    [
        ("sassnet", "la-2020-8", "code: kleinzcy/SASSnet,"),
        ("dtc", "la-2021", "code: HiLab-git/DTC,"),
        ("bcp", "la-2023", "code: DeepMed-Lab-ECNU/BCP,"),
        ("ad_mt", "la-2024", "code: ZhenZHAO/AD-MT,"),
        ("crossmatch", "la-2024", "code: AiEson/CrossMatch,"),
        ("tracoco", "la-2024-8", "code: yyliu01/TraCoCo,"),
        ("caml", "la-2023-16", "code: Herschel555/CAML,"),
        ("mc_net", "la-2021", "code: ycwu1997/MC-Net,"),
        ("ua_mt", "la-2019", "code: yulequan/UA-MT,"),
        ("dkuxnet", "la-2024", "ours, as in ycwu1997/MC-Net"),
        ("unimatch_v2", "la-numbers-of-2024", "ours, as in ycwu1997/MC-Net"),
    ],
)
def test_what_a_recipe_shares_with_others_has_its_own_source(method, name, where):
    recipe = load_recipe(method, name)
    for field in ("plan.patch", "plan.fields.labeled_per_step", "train.clip", "predict.stride"):
        told = recipe.source_of(field)
        assert told.startswith(where), field
    others = {"code: ycwu1997/MC-Net, train_mcnet_3d.py", "code: yulequan/UA-MT, train_LA.py"}
    others -= {one for one in others if one.startswith(where)}
    assert not [told for told in recipe.source.values() if told.startswith(tuple(others))]


def test_merging_leaves_the_files_alone():
    first = load_recipe("ua_mt", "la-2019")
    first.plan_with({"network": "unet3d"})
    assert load_recipe("ua_mt", "la-2019") == first
    assert merged({}, first.plan)["fields"]["network"]["options"]["width"] == 16


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


def test_a_recipe_for_each_number_of_labeled_scans_is_found():
    assert for_labeled("caml", 16) == ("la-2023-16",)
    assert for_labeled("CAML", 4) == ("la-2023",)
    assert for_labeled("ua_mt", 8) == ()


def test_the_tables_with_a_row_of_a_method():
    assert set(tables_with("caml")) == {"dkuxnet-table-2"}
    assert set(tables_with("SASSNet")) == {
        "sassnet-table-1", "sassnet-table-1-nms", "sassnet-table-2", "dkuxnet-table-2",
    }  # fmt: skip
    assert tables_with("bcp") == {}


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
