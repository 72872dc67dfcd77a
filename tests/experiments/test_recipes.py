"""The recipes of the papers' tables are valid studies, say their protocol, and have a row for what the paper prints."""

from pathlib import Path

import pytest

import semivox
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.protocols import PROTOCOLS
from semivox.experiments.study_text import load_study_file
from semivox.methods import METHODS
from semivox.reports.published import load_published

RECIPES = sorted((Path(semivox.__file__).parent / "recipes" / "tables").glob("*.toml"))
ALL = {
    "supervised", "mean_teacher", "ua_mt", "embedding_matching", "mtc", "cct", "dtc", "tcse", "mc_net", "mc_net_plus",
    "urpc", "sassnet", "dap", "asdnet", "ss_net", "caml", "dkuxnet",
}  # fmt: skip
TABLES = {
    "midl-table-1": ("Xie et al., MIDL 2024", "1"),
    "midl-appendix-a": ("Xie et al., MIDL 2024", "2 (appendix A)"),
    "midl-appendix-b": ("Xie et al., MIDL 2024", "3 (appendix B)"),
    "sassnet-table-1": ("Li et al., MICCAI 2020 (SASSNet)", "1"),
    "sassnet-table-2": ("Li et al., MICCAI 2020 (SASSNet)", "2"),
    "dkuxnet-table-1": ("DKUXNet poster", "1"),
    "dkuxnet-table-2": ("DKUXNet poster", "2"),
}
each_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


def loaded(path):
    study_file = load_study_file(path)
    if missing := set(study_file.methods) - set(METHODS):
        assert set(METHODS) < ALL, f"{path.name} names {missing}, which do not exist"
        pytest.skip(f"not written yet: {missing}")
    return study_file


@each_recipe
def test_a_recipe_is_a_valid_study_of_a_known_protocol(path):
    study_file = loaded(path)
    assert study_file.protocol in PROTOCOLS
    assert study_file.title
    arms = arms_of(study_file)
    configs = [config_of(study_file, arm, 1, 0) for arm in arms]
    protocol = PROTOCOLS[study_file.protocol]
    assert study_file.plan.network == protocol.network
    assert {config.train.selection for config in configs} == {protocol.weights}
    if protocol.steps.isdigit():
        assert study_file.plan.steps == int(protocol.steps)


@pytest.mark.parametrize("name", TABLES)
def test_a_recipe_has_a_run_for_every_row_of_its_table(name):
    (path,) = [path for path in RECIPES if path.stem == name]
    study_file, (source, table) = loaded(path), TABLES[name]
    rows = [row for row in load_published() if (row.source, row.table) == (source, table)]
    rows = [row for row in rows if row.variant != "largest component"]  # post-processing, a recipe of its own
    assert {row.labeled for row in rows} <= set(study_file.cases.labeled)
    assert {row.protocol for row in rows} == {study_file.protocol}
    arms = {(arm.method, arm.ablation or "") for arm in arms_of(study_file)}
    assert {(row.method, row.variant) for row in rows} <= arms


@each_recipe
def test_left_atrium_recipes_follow_the_protocol(path):
    study_file = loaded(path)
    if not study_file.protocol.startswith("la-"):
        return
    # the lists of the released data say both
    assert (study_file.cases.order, study_file.cases.test) == (None, 0)
    assert (study_file.plan.spacing, study_file.plan.patch) == ((0.625,) * 3, (112, 112, 80))
    assert (study_file.predict.stride, study_file.predict.blend, study_file.predict.mirror) == (
        (18, 18, 4),
        "uniform",
        False,
    )
    assert (study_file.legacy.voxels, study_file.legacy.missed_is_zero) == (True, True)
    assert study_file.train["augmentation"] == "la"
    for arm in arms_of(study_file):
        config = config_of(study_file, arm, 1, 0)
        optimizer = config.options["network"]
        if arm.network is None:
            assert (optimizer["kind"], optimizer["rate"], optimizer["momentum"]) == ("sgd", 0.01, 0.9)
            assert optimizer["decay"] == 1e-4
            assert optimizer["schedule"] == ("steps" if study_file.plan.steps == 6000 else "constant")
        alone = arm.method == "supervised" or arm.ablation == "V-Net+SDM"
        assert config.train.labeled_per_step == (4 if alone else None)


def test_all_tables_have_a_recipe():
    assert set(TABLES) <= {path.stem for path in RECIPES}
