"""The left-atrium benchmark as it is released, from the shell: no file has to be made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import semivox
from semivox.cli import exit_code
from semivox.core.plan import Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.batches.patches import Patches
from semivox.data.layouts.benchmark import CHANNELS, CLASSES
from semivox.data.prepared.prepare import prepare
from semivox.experiments.labeled_sets import labeled_sets_of
from semivox.experiments.study_text import load_study_file
from tests.data.released import FOLDER, TEST, TRAIN, put, write_lists, write_released
from tests.experiments.here import all_here
from tests.experiments.tiny import draw_nothing

SMALL = ["--set", "plan.patch=[32,16,16]", "--set", "plan.network.options.width=2", "--steps", "2"]
RECIPE = ["--method", "sassnet", "--recipe", "la-2020", "--labeled", "2", "--workers", "0", *SMALL]
SHARED = Path(__file__).parents[2] / "shared" / "data" / "left-atrium"
STEPS = 8


@pytest.fixture(autouse=True)
def _no_processes_and_no_dry_steps(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)


@pytest.fixture(scope="module")
def la(tmp_path_factory):
    root = tmp_path_factory.mktemp("la")
    write_released(root)
    return root


def loaded(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_check_takes_the_first_of_the_list_as_labeled(la, tmp_path, capsys):
    assert exit_code(["check", str(la), "--labeled", "2", "--workers", "0", "-o", str(tmp_path / "check.json")]) == 0
    told = capsys.readouterr().out
    assert "left-atrium benchmark" in told
    assert "2 labeled, 2 unlabeled, 2 test" in told
    assert loaded(tmp_path / "check.json")["summary"]["parts"]["labeled"] == sorted(TRAIN[:2])


def test_a_label_of_another_value_is_told_beside_the_two_that_there_are(tmp_path, capsys):
    """As in copies that were written before the release, where the atrium is 255."""
    scans = write_released(tmp_path)
    put(tmp_path, {TRAIN[1]: (scans[TRAIN[1]][0], 255 * scans[TRAIN[1]][1])})
    assert exit_code(["check", str(tmp_path), "--labeled", "2", "--workers", "0"]) == 2
    told = capsys.readouterr().out
    assert "the label has values that are no class of this data set (0, 1): 255" in told


def test_plan_and_prepare(la, tmp_path):
    small = ["--patch", "16,16,16", "--network", "small", "--steps", "2"]
    common = ["--labeled", "2", "--workers", "0"]
    assert exit_code(["plan", str(la), "-o", str(tmp_path / "plan.json"), *common, *small]) == 0
    assert loaded(tmp_path / "plan.json")["spacing"] == [0.625, 0.625, 0.625]
    asked = ["prepare", str(la), "-o", str(tmp_path / "prepared"), "--plan", str(tmp_path / "plan.json"), *common]
    assert exit_code(asked) == 0
    for name in TRAIN:
        assert any((tmp_path / "prepared").rglob(f"{name}*/label.npy")) == (name in TRAIN[:2])


def test_train_and_predict_by_the_recipe(la, tmp_path, capsys):
    run = tmp_path / "run"
    assert exit_code(["train", str(la), "-o", str(run), *RECIPE]) == 0
    assert Split.load(run / "split.json").labeled == tuple(sorted(TRAIN[:2]))
    plan = Plan.load(run / "plan.json")
    assert (plan.intensity, plan.spacing, plan.augmentation) == ((Intensity(scheme="none"),), (0.625,) * 3, "la")
    label = ["predict", str(run), "--blend", "uniform", "--stride", "18,16,4"]
    assert "as nearly as can be by: semivox predict ... --blend uniform --stride 18,16,4" in capsys.readouterr().err
    everything, one = ("", (*TRAIN, *TEST)), f"{FOLDER}/Y5"
    for given, names in (("test.list", TEST), everything, (f"{one}/mri_norm2.h5", ["Y5"]), (one, ["Y5"])):
        out = tmp_path / f"labels-{len(names)}-{len(given)}"
        assert exit_code([*label, "-i", str(la / given), "-o", str(out)]) == 0, capsys.readouterr().err
        assert sorted(path.name for path in out.glob("*.nii.gz")) == sorted(f"{name}.nii.gz" for name in names)
        if given == "test.list":
            assert exit_code(["evaluate", "-r", str(la / given), "-p", str(out), "-o", str(tmp_path / "scores")]) == 0
            rows = (tmp_path / "scores" / "scores.csv").read_text().splitlines()[1:]
            assert sorted(row.split(",")[0] for row in rows) == sorted(TEST)


def test_run_scores_the_test_list(la, tmp_path, monkeypatch):
    all_here(monkeypatch)
    draw_nothing(monkeypatch)
    asked = ["run", str(la), "-o", str(tmp_path / "job"), "--processes", "1", "--no-labels", *RECIPE]
    assert exit_code(asked) == 0
    assert sorted(path.name for path in (tmp_path / "job").rglob("predictions/*.nii.gz")) == sorted(
        f"{name}.nii.gz" for name in TEST * 2
    )


def test_a_table_of_a_paper_needs_no_list_of_ours(la, tmp_path, capsys):
    out = tmp_path / "study"
    asked = ["study", "--recipe", "sassnet-table-2", "--data", str(la), "-o", str(out)]
    for value in (
        "plan.patch=32,16,16", "plan.steps=2", "plan.fields.network.options.width=2", "cases.labeled=2",
        "train.workers=0",
    ):  # fmt: skip
        asked += ["--set", value]
    assert exit_code(asked) == 2  # before any training
    assert "[predict] stride (18, 18, 4) is larger than the patch (32, 16, 16)" in capsys.readouterr().err
    assert loaded(out / "check.json")["summary"]["parts"]["test"] == sorted(TEST)
    cases = table_named("sassnet-table-2").cases.model_copy(update={"labeled": (2,)})
    (labeled_set,) = labeled_sets_of(cases, layouts.find(la), la)
    assert labeled_set.split.labeled == TRAIN[:2]
    assert labeled_set.split.unlabeled == TRAIN[2:]
    assert set(labeled_set.split.test) == set(TEST)


def table_named(name):
    return load_study_file(Path(semivox.__file__).parent / "recipes" / "tables" / f"{name}.toml")


def test_a_split_and_a_number_are_one_too_many(la, tmp_path, capsys):
    (tmp_path / "split.json").write_text('{"labeled": ["Q1"]}')
    assert exit_code(["check", str(la), "--labeled", "2", "--split", str(tmp_path / "split.json")]) == 2
    assert "--split and --labeled both say who is labeled" in capsys.readouterr().err
    assert exit_code(["check", str(la), "--labeled", "9", "--workers", "0"]) == 2
    assert "9 labeled cases are wanted" in capsys.readouterr().err


def plan_for(patch, intensity) -> Plan:
    return Plan(
        channels=CHANNELS,
        classes=CLASSES,
        spacing=(0.625,) * 3,
        patch=patch,
        intensity=(Intensity(scheme=intensity),),
        augmentation="la",
        dataset="la",
        network=NetworkChoice(name="vnet"),
        steps=STEPS,
        fingerprint=Fingerprint(dataset="la", channels=CHANNELS, classes=CLASSES, cases=()),
        reasons={},
    )


def batches(data, out, split, plan):
    """The first training batches, two labeled and two unlabeled patches each."""
    store = prepare(layouts.find(data), split, plan, out)
    patches = Patches(store, split.for_training(), plan, 1, STEPS, 2, 2)
    return [patches[step] for step in range(STEPS)]


def write_nifti(folder, scans):
    """Two folders, as converted by hand."""
    for kind, index in (("images", 0), ("labels", 1)):
        (folder / kind).mkdir(parents=True)
        for name, arrays in scans.items():
            nib.save(nib.Nifti1Image(arrays[index], np.diag([0.625] * 3 + [1])), folder / kind / f"{name}.nii.gz")


def test_training_batches_are_those_of_scans_converted_to_nifti(tmp_path):
    scans = write_released(tmp_path / "released")
    write_nifti(tmp_path / "nifti", scans)
    split = Split(labeled=TRAIN[:2], unlabeled=TRAIN[2:], test=TEST)
    plan = plan_for((16, 16, 16), "none")
    ours, theirs = (
        batches(tmp_path / kind, tmp_path / f"{kind}-prepared", split, plan) for kind in ("released", "nifti")
    )
    for one, other in zip(ours, theirs, strict=True):
        assert one.cases == other.cases
        assert one.image.equal(other.image)
        assert one.label.equal(other.label)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the scans are not part of the repository")
def test_training_batches_of_the_scans_themselves(tmp_path):
    """The 8-bit NIfTI files are standardized by the plan; their HDF5 files were, when they were made."""
    names = (SHARED / "protocol_order.txt").read_text().split()[:3]
    scans = {}
    for name in names:
        image = np.asarray(nib.load(SHARED / "imagesTr" / f"{name}_0000.nii.gz").dataobj).astype(np.float64)
        label = np.asarray(nib.load(SHARED / "labelsTr" / f"{name}.nii.gz").dataobj).astype(np.uint8)
        scans[name] = ((image - image.mean()) / image.std()).astype(np.float32), label
    put(tmp_path / "released", scans)
    write_lists(tmp_path / "released", names, ())
    (tmp_path / "released" / "test.list").unlink()
    split = Split(labeled=tuple(names[:2]), unlabeled=tuple(names[2:]))
    ours = batches(tmp_path / "released", tmp_path / "ours", split, plan_for((112, 112, 80), "none"))
    theirs = batches(SHARED, tmp_path / "theirs", split, plan_for((112, 112, 80), "zscore"))
    for one, other in zip(ours, theirs, strict=True):
        assert one.cases == other.cases
        assert one.label.equal(other.label)
        assert float((one.image - other.image).abs().max()) < 0.005  # the last bit of 16, at values up to 17
