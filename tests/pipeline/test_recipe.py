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
