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


@pytest.fixture
def _no_dry_steps(monkeypatch):
    """They measure for seconds which format of a step is the fastest."""
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes") / "scans"
    phantom.write(folder, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def test_a_methods_recipes_are_listed(capsys):
    assert exit_code(["methods", "sassnet"]) == 0
    told = capsys.readouterr().out
    assert "la-2020-8: SASSNet" in told
    assert "Tables of papers with a row of it (semivox study --recipe NAME --data SCANS):" in told
    assert "sassnet-table-1-nms: SASSNet, table 1, largest component" in told
    assert "midl" not in told.split("Tables of papers")[1]
    assert exit_code(["methods", "sassnet", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["recipes"]) == {"la-2020", "la-2020-8", "la-2020-paper"}


def test_every_value_of_a_recipe_is_shown_with_its_source(capsys):
    assert exit_code(["methods", "sassnet", "--recipe", "la-2020-8"]) == 0
    told = capsys.readouterr().out
    assert "method.adversarial = 0.015  [code: README, 8 labels]" in told
    assert "\n  labeled scans: 8\n" in told
    assert "plan.patch = 112 x 112 x 80  [code: kleinzcy/SASSnet, train_gan_sdfloss.py" in told
    assert "not repeated: the order in which scans are drawn" in told
    assert exit_code(["methods", "sassnet", "--recipe", "la-2020-8", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert len(values) > 40
    assert all(one["source"] for one in values)
    assert exit_code(["methods", "sassnet", "--recipe", "la-2021"]) == 2
    assert "sassnet has no recipe 'la-2021'" in capsys.readouterr().err
    assert exit_code(["methods", "--recipe", "la-2020"]) == 2
    assert "semivox methods NAME --recipe RECIPE" in capsys.readouterr().err
    for folder, recipe in (("tables", "sassnet-table-1"), ("bases", "la-6000")):
        assert exit_code(["methods", folder, "--recipe", recipe]) == 2
        assert f"there is no method '{folder}'" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_dry_steps")
def test_the_supervised_rival_of_sassnet_sees_as_many_labeled_patches_as_the_v_net(scans, tmp_path):
    asked = ["train", str(scans), "-o", str(tmp_path), "--method", "sassnet", "--recipe", "la-2020", "--steps", "1"]
    asked += ["--ablation", "V-Net+SDM", "--workers", "0", *SMALL, "--set", "plan.mirror=[true,true,true]"]
    assert exit_code(asked) == 0
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["train"]["labeled_per_step"] == 4


REFLECTING = ["--set", "train.augmentation=la", "--set", "plan.mirror=[false,true,true]", "--steps", "2", *SMALL]
REFLECTING += ["--set", "plan.precision=32-true", "--set", "plan.channels_last=false"]  # no others are measured


@pytest.mark.parametrize("planned", [False, True])
def test_reflections_that_a_plan_forbids_are_refused_before_any_work(planned, scans, tmp_path, capsys, request):
    """Also where the plan is given, and nothing measures a step of it."""
    run, given = tmp_path / "run", []
    if planned:
        small = ["--patch", "16,16,16", "--spacing", "8", "--network", "small", "--steps", "2", "--workers", "0"]
        request.getfixturevalue("_no_dry_steps")
        assert exit_code(["plan", str(scans), "-o", str(tmp_path / "plan.json"), *small]) == 0
        given = ["--plan", str(tmp_path / "plan.json")]
    asked = ["train", str(scans), "-o", str(run), "--method", "supervised", "--workers", "0", *given]
    changes = REFLECTING[:6] if planned else REFLECTING
    capsys.readouterr()
    assert exit_code([*asked, *changes]) == 2
    assert "'la' always reflects patches along x or y, and the plan forbids to mirror them along x" in (
        capsys.readouterr().err
    )
    assert not list(run.rglob("*.npy"))
    assert not (run / "config.json").exists()
    assert exit_code([*asked, *(word.replace("augmentation=la", "augmentation=none") for word in changes)]) == 0


def test_a_study_of_reflections_that_the_plan_forbids_is_refused_before_scans_are_prepared(scans, tmp_path, capsys):
    file = tmp_path / "study.toml"
    file.write_text(
        'methods = ["supervised"]\n[train]\naugmentation = "la"\nworkers = 0\n[cases]\nlabeled = 2\n[plan]\n'
        'patch = [16, 16, 16]\nspacing = [8, 8, 8]\nnetwork = "small"\nsteps = 2\n[plan.fields]\n'
        "mirror = [true, false, true]\n"
    )
    out = tmp_path / "study"
    assert exit_code(["study", str(file), "--data", str(scans), "-o", str(out)]) == 2
    assert "forbids to mirror them along y" in capsys.readouterr().err
    assert not list(out.rglob("*.npy"))
    assert not (out / "plan.json").exists()


def test_where_all_scans_are_labeled_the_option_for_fewer_is_named(scans, tmp_path, capsys):
    from semivox.data import phantom

    phantom.write(tmp_path / "labeled", 2, 0, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    asked = ["train", str(tmp_path / "labeled"), "-o", str(tmp_path / "run"), "--method", "sassnet", "--workers", "0"]
    assert exit_code([*asked, "--recipe", "la-2020", *SMALL]) == 2
    assert "the split has none; keep fewer labels with --labeled, or use --method supervised" in capsys.readouterr().err


def test_another_number_of_labeled_scans_than_a_recipe_was_published_for_is_named(scans, tmp_path, capsys):
    asked = ["train", str(scans), "-o", str(tmp_path), "--method", "sassnet", "--recipe", "la-2020"]
    assert exit_code([*asked, "--labeled", "8"]) == 2  # there are not so many; what it follows is said first
    assert "overruled: labeled scans 8 (recipe: 16; published for 8: la-2020-8)" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_dry_steps")
def test_scans_that_nobody_standardized_are_told_by_a_recipe_that_takes_them_as_they_are(scans, tmp_path, capsys):
    """The left-atrium recipes do; whoever gives them CT learns of it, and the change that is named there works."""
    asked = [
        "train", str(scans), "--method", "sassnet", "--recipe", "la-2020", "--steps", "1", "--workers", "0", *SMALL,
    ]  # fmt: skip
    assert exit_code([*asked, "-o", str(tmp_path / "as-they-are")]) == 0
    told = capsys.readouterr().err
    assert "warning: the values of CT are taken as they are" in told
    change = told.partition("--set '")[2].partition("'")[0]
    assert exit_code([*asked, "-o", str(tmp_path / "standardized"), "--set", change]) == 0
    told = capsys.readouterr().err
    assert "taken as they are" not in told
    assert "overruled: plan.intensity scheme=zscore (recipe: scheme=none)" in told


@pytest.mark.usefixtures("_no_dry_steps")
def test_a_plan_and_a_recipe_are_one_too_many(scans, tmp_path, capsys):
    small = ["--patch", "16,16,16", "--spacing", "8", "--network", "small", "--steps", "2", "--workers", "0"]
    assert exit_code(["plan", str(scans), "-o", str(tmp_path / "plan.json"), *small]) == 0
    asked = ["train", str(scans), "-o", str(tmp_path / "run"), "--method", "sassnet", "--recipe", "la-2020"]
    assert exit_code([*asked, "--plan", str(tmp_path / "plan.json")]) == 2
    assert "--plan and --recipe la-2020 both decide the plan" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_oblong_patch_is_refused_by_tcses_recipe_before_scans_are_prepared(scans, tmp_path, capsys):
    asked = [
        "train", str(scans), "-o", str(tmp_path / "run"), "--method", "tcse", "--recipe", "la-2019", "--steps", "2",
    ]  # fmt: skip
    assert exit_code([*asked, "--workers", "0", *SMALL, "--set", "plan.mirror=[true,true,true]"]) == 2
    assert "quarter turns in a patch of 32 x 16 voxels would change its shape" in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("*.npy"))


@pytest.mark.usefixtures("_no_dry_steps")
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
        "predict", str(run), "-i", str(next(scans.rglob("images*"))), "-o", str(tmp_path / "labels"), "--device",
        "cpu",
    ]  # fmt: skip
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


def test_some_rows_of_a_table_can_be_asked_for(scans, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["study", "--recipe", "sassnet-table-1", "--data", str(scans), "--set", "cases.order=order.txt"]
    asked += ["--set", 'methods=["supervised","SASSNet"]']
    assert exit_code([*asked, "--set", "cases.labeled=[4,8,16]"]) == 2
    told = capsys.readouterr().err
    assert "overruled: methods supervised, SASSNet (recipe: supervised, dap, asdnet, tcse, ua_mt, sassnet)" in told
    assert "overruled: cases.labeled 4, 8, 16 (recipe: 8, 16, 80)" in told
    assert "order.txt" in told.splitlines()[-1]  # the scans' order is all that is missing
    assert exit_code([*asked, "--set", "method.dap.recipe=la-2020"]) == 2
    assert "[method.dap] is not among the methods of the study" in capsys.readouterr().err


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
