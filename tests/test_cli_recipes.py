"""Recipes from the shell: listed, followed, overruled by name, and refused with a sentence."""

from __future__ import annotations

import json

import pytest

from semivox.cli import exit_code
from semivox.data import phantom

SMALL = ["--set", "plan.patch=[32,16,16]", "--set", "plan.spacing=[8,8,8]", "--set", "plan.network.options.width=2"]


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes") / "scans"
    phantom.write(folder, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def test_a_methods_recipes_are_listed(capsys):
    assert exit_code(["methods", "sassnet"]) == 0
    assert "la-2020-8: SASSNet" in capsys.readouterr().out
    assert exit_code(["methods", "sassnet", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["recipes"]) == {"la-2020", "la-2020-8", "la-2020-paper"}


def test_every_value_of_a_recipe_is_shown_with_its_source(capsys):
    assert exit_code(["methods", "sassnet", "--recipe", "la-2020-8"]) == 0
    told = capsys.readouterr().out
    assert "method.adversarial = 0.015  [code: README, 8 labels]" in told
    assert "plan.patch = 112 x 112 x 80  [code: yulequan/UA-MT" in told
    assert "not repeated: the order in which scans are drawn" in told
    assert exit_code(["methods", "sassnet", "--recipe", "la-2020-8", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert len(values) > 40
    assert all(one["source"] for one in values)
    assert exit_code(["methods", "sassnet", "--recipe", "la-2021"]) == 2
    assert "sassnet has no recipe 'la-2021'" in capsys.readouterr().err
    assert exit_code(["methods", "--recipe", "la-2020"]) == 2
    assert "semivox methods NAME --recipe RECIPE" in capsys.readouterr().err


def test_the_supervised_rival_of_sassnet_sees_as_many_labeled_patches_as_the_v_net(scans, tmp_path):
    asked = ["train", str(scans), "-o", str(tmp_path), "--method", "sassnet", "--recipe", "la-2020", "--steps", "1"]
    asked += ["--ablation", "V-Net+SDM", "--workers", "0", *SMALL, "--set", "plan.mirror=[true,true,true]"]
    assert exit_code(asked) == 0
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["train"]["labeled_per_step"] == 4


def test_an_oblong_patch_is_refused_by_tcses_recipe_before_scans_are_prepared(scans, tmp_path, capsys):
    asked = [
        "train",
        str(scans),
        "-o",
        str(tmp_path / "run"),
        "--method",
        "tcse",
        "--recipe",
        "la-2019",
        "--steps",
        "2",
    ]
    assert exit_code([*asked, "--workers", "0", *SMALL, "--set", "plan.mirror=[true,true,true]"]) == 2
    assert "quarter turns in a patch of 32 x 16 voxels would change its shape" in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("*.npy"))


def test_a_model_is_trained_by_a_recipe_and_labels_scans_by_its_windows(scans, tmp_path, capsys):
    run = tmp_path / "run"
    asked = ["train", str(scans), "-o", str(run), "--method", "sassnet", "--recipe", "la-2020", "--steps", "2"]
    asked += ["--workers", "0", "--set", "method.shape=0.5", *SMALL, "--set", "plan.mirror=[true,true,true]"]
    assert exit_code(asked) == 0
    told = capsys.readouterr().err
    for line in (
        "Recipe sassnet la-2020: SASSNet",
        "overruled: plan.patch 32 x 16 x 16 (recipe: 112 x 112 x 80)",
        "overruled: train.steps 2 (recipe: 6000)",
        "overruled: method.shape 0.5 (recipe: 0.3)",
        "as nearly as can be by: semivox predict ... --blend uniform --stride 18,16,4",
    ):
        assert line in told, line
    assert "plan.mirror" not in told
    config, plan = (json.loads((run / name).read_text(encoding="utf-8")) for name in ("config.json", "plan.json"))
    options = config["options"]
    assert (options["segmentation"], options["head"], options["shape"]) == ("dice", "sigmoid", 0.5)
    assert (options["network"]["kind"], options["network"]["rate"], options["balance"]) == ("sgd", 0.01, 0.0)
    assert config["train"]["clip"] == 1e6
    assert (plan["augmentation"], plan["network"]["options"]["width"], plan["steps"]) == ("la", 2, 2)
    asked = [
        "predict",
        str(run),
        "-i",
        str(next(scans.rglob("images*"))),
        "-o",
        str(tmp_path / "labels"),
        "--device",
        "cpu",
    ]
    assert exit_code([*asked, "--blend", "uniform", "--stride", "8,8,4"]) == 0
    assert exit_code([*asked, "--stride", "99,1,1"]) == 2
    assert "must lie between 1 and the patch" in capsys.readouterr().err


@pytest.mark.slow
def test_a_job_gives_the_twin_the_recipes_optimizer_and_windows(scans, tmp_path):
    job = tmp_path / "job"
    asked = ["run", str(scans), "-o", str(job), "--method", "ua_mt", "--recipe", "la-2019", "--steps", "2"]
    asked += ["--workers", "0", "--patch", "32,16,16", "--spacing", "8", "--set", "plan.network.options.width=2"]
    assert exit_code([*asked, "--processes", "1"]) == 0
    twin = json.loads((job / "supervised" / "config.json").read_text(encoding="utf-8"))["options"]
    assert (twin["network"]["kind"], twin["network"]["rate"], twin["balance"]) == ("sgd", 0.01, 0.0)
    study = json.loads((job / "job.json").read_text(encoding="utf-8"))
    assert "[18, 18, 4]" in json.dumps(study)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "SCANS", "-o", "x", "--method", "dtc", "--recipe", "la-2020"], "dtc has no recipe 'la-2020'"),
        (["run", "SCANS", "-o", "x", "--recipe", "la-2019"], "embedding_matching has no recipe 'la-2019'"),
        (["study", "--recipe", "sassnet-table-9", "--data", "SCANS"], "did you mean 'sassnet-table-"),
        (["study", "--recipe", "sassnet-table-1"], "give their folder with --data"),
        (["study"], "give a study file or --recipe NAME"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_a_sentence(arguments, message, scans, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert exit_code([str(scans) if word == "SCANS" else word for word in arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_a_table_of_a_paper_is_arranged_by_its_name(scans, tmp_path, capsys, monkeypatch):
    """Of scans in another layout than the released one, a text file gives the order; here there is none."""
    monkeypatch.chdir(tmp_path)
    asked = ["study", "--recipe", "sassnet-table-2", "--data", str(scans)]
    asked += ["--set", "plan.steps=600", "--set", "plan.patch=32,32,16", "--set", "plan.spacing=[0.625,0.625,0.625]"]
    assert exit_code([*asked, "--set", "cases.order=order.txt"]) == 2
    told = capsys.readouterr().err
    assert "order.txt" in told
    for line in (
        "Recipe sassnet-table-2: ",
        "overruled: plan.steps 600 (recipe: 6000)",
        "overruled: plan.patch 32 x 32 x 16 (recipe: 112 x 112 x 80)",
        "overruled: cases.order order.txt (recipe: not named)",
    ):
        assert line in told, line
    assert "plan.spacing" not in told
