"""The main job goes from a folder to an answer, skips what is done, and scores only scans that it did not train on."""

import csv
import json
import shutil

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.data import phantom
from semivox.data.formats.volume import read, read_label
from semivox.data.planning.options import PlanOptions
from semivox.experiments import job
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.as_study import study_file_of
from semivox.experiments.job import Job, job_experiment
from semivox.experiments.labels import labels_of
from semivox.inference.confidence_table import calibration_of
from semivox.pipeline.options import RunOptions
from semivox.pipeline.predictor import Predictor
from semivox.pipeline.stages import load_dataset
from semivox.reports.job import report_job
from semivox.training.model import model_digest
from semivox.training.settings import TrainSettings
from tests.experiments.here import Here

TINY = PlanOptions(
    spacing=(8.0, 8.0, 8.0), patch=(16, 16, 8), network="small", steps=1, fields={"precision": "32-true"}
)


def settings(**changes):
    values = {"plan": TINY, "train": TrainSettings(workers=0, device="cpu")} | changes
    return RunOptions(**values)


def written(folder, labeled, unlabeled, test):
    phantom.write(folder, labeled, unlabeled, test, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


pytestmark = pytest.mark.usefixtures("quick")


def run_job(data, out, options, **others):
    return job.run_job(job.Job(data, out, options, engine=Here(), **others))


@pytest.fixture(scope="module")
def scans(scans_of):
    return scans_of(2, 1, 1)


def test_a_job_ends_with_models_scores_and_an_answer_and_is_not_done_twice(scans, tmp_path, monkeypatch):
    out = tmp_path / "job"
    first = run_job(scans, out, settings(), page=report_job)
    for name in ("check.json", "plan.json", "split.json", "summary.json", "summary.txt", "report.html"):
        assert (out / name).stat().st_size > 0
    for arm in ("supervised", "embedding_matching"):
        assert (out / arm / "model" / "weights.safetensors").exists()
        assert (out / arm / "scores.csv").exists()
        assert [path.name for path in (out / arm / "predictions").glob("*.nii.gz")] == ["hip_1000.nii.gz"]
    known = [calibration_of(out / arm) for arm in ("supervised", "embedding_matching")]
    assert all(each is None or each.measured_on == "test" for each in known)
    assert first.provenance.scored_on == "test"
    assert first.verdict == "inconclusive"  # one scan decides nothing
    assert "Did the unlabeled scans help?" in (out / "summary.txt").read_text(encoding="utf-8")

    def forbidden(*arguments, **options):
        raise AssertionError("a finished part was done again")

    for name in ("pipeline.stages.checks.check", "experiments.arrange.make_plan", "pipeline.predict.predictor_of"):
        monkeypatch.setattr(f"semivox.{name}", forbidden)
    monkeypatch.setattr(Here, "submit", forbidden)
    assert run_job(scans, out, settings()) == first

    shutil.rmtree(out / first.chosen / "model")
    with pytest.raises(InputError, match="is finished, but its model is gone"):
        run_job(scans, out, settings())


def test_a_job_with_other_settings_is_not_mixed_into_a_begun_one(scans, tmp_path):
    out = tmp_path / "job"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        run_job(scans, out, settings())
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_without_unlabeled_scans_there_is_nothing_to_find_out(tmp_path):
    data = written(tmp_path / "data", 2, 0, 1)
    with pytest.raises(InputError, match="no unlabeled scan"):
        run_job(data, tmp_path / "job", settings())


def test_the_twin_shares_seed_steps_and_optimizer():
    options = {"decay": 0.9, "network": {"rate": 0.05}}
    study_file = study_file_of(settings(options=options, train=TrainSettings(seed=7, steps=3)))
    both = {arm.name: config_of(study_file, arm, 7, 0) for arm in arms_of(study_file)}
    assert both["supervised"].train == both["embedding_matching"].train
    assert both["supervised"].train.seed == 7
    assert study_file.plan.steps == 3
    assert both["supervised"].options["network"] == both["embedding_matching"].options["network"]
    assert both["supervised"].options["network"]["rate"] == 0.05
    assert both["embedding_matching"].options["decay"] == 0.9
    with pytest.raises(InputError, match="twin"):
        study_file_of(settings(method="supervised"))


def test_without_a_test_set_the_job_cross_validates(tmp_path):
    data = written(tmp_path / "data", 4, 1, 0)
    _, split = load_dataset(data)
    experiment = job_experiment(Job(data, tmp_path / "job", settings()))
    assert experiment.scored_on == "cross-validation"
    whole, *folds = experiment.labeled_sets[0].parts
    assert whole.split == split
    assert not whole.scored  # the models to use are trained on everything, so they are not scored
    assert sorted(name for part in folds for name in part.split.test) == sorted(split.labeled)
    for part in folds:
        assert not {*part.split.test} & {*part.split.labeled, *part.split.unlabeled, *part.split.validation}
    assert [run.name for run in experiment.runs[:4]] == [
        *("supervised", "embedding_matching", "folds/0/supervised", "folds/0/embedding_matching"),
    ]


def test_the_unlabeled_scans_are_labeled_by_the_better_model_unless_nobody_wants_it(scans, tmp_path):
    out = tmp_path / "job"
    found = run_job(scans, out, settings(), labels=False)
    assert not (out / "labels").exists()
    run_job(scans, out, settings())
    assert [path.name for path in (out / "labels").glob("*.nii.gz")] == ["hip_0002.nii.gz"]
    better = found.comparisons["dice"].difference > 0
    assert found.chosen == ("embedding_matching" if better else "supervised")
    assert model_digest(out / "model") == model_digest(out / found.chosen)
    origin = json.loads((out / "labels" / "origins" / "hip_0002.json").read_text(encoding="utf-8"))
    assert origin["model"] == model_digest(out / found.chosen)
    lines = list(csv.DictReader((out / "labels" / "confidence.csv").open(encoding="utf-8")))
    assert {line["case"] for line in lines} == {"hip_0002"}
    expected = {name: "" if value is None else str(round(value, 4)) for name, value in origin["expected_dice"].items()}
    assert {line["class"]: line["uncalibrated_dice"] for line in lines} == expected


def test_a_label_that_somebody_corrected_is_left_alone_and_nothing_is_expected_of_it(scans, tmp_path):
    out = tmp_path / "job"
    run_job(scans, out, settings())
    label = out / "labels" / "hip_0002.nii.gz"
    shutil.copyfile(scans / "labelsTr" / "hip_0000.nii.gz", label)
    corrected = label.read_bytes()
    run_job(scans, out, settings())
    assert label.read_bytes() == corrected
    records, changed = labels_of(out, load_dataset(scans)[0])
    assert (records, changed) == ([], ["hip_0002"])


def test_folds_become_an_ensemble_that_predict_uses(tmp_path, capsys):
    data, out = written(tmp_path / "data", 2, 1, 0), tmp_path / "job"
    found = run_job(data, out, settings())
    assert found.members == tuple(f"folds/{fold}/{found.chosen}" for fold in (0, 1))
    page = (out / "summary.txt").read_text(encoding="utf-8")
    assert "average of the 2 fold models" in page
    assert "cannot be measured" in page
    assert not (out / "model" / "confidence.json").exists()  # measured on fold models, which are surer than their mean
    scan = next((data / "imagesTr").glob("hip_0002*"))
    words = ["predict", str(out), "-i", str(scan), "-o", str(tmp_path / "labels"), "--save", "probabilities"]
    capsys.readouterr()
    code = exit_code(words)
    said = capsys.readouterr().err
    assert code == 0, said
    assert f"Warning: the model of {out} is not usable yet: " in said
    volume = read([scan])
    each = [
        Predictor(out / name, device="cpu")(volume.array[0], affine=volume.grid.affine, maps=["probabilities"])
        for name in found.members
    ]
    both = Predictor(out, device="cpu")(volume.array[0], affine=volume.grid.affine, maps=["probabilities"])
    mean = (each[0].probabilities + each[1].probabilities) / 2
    assert np.allclose(both.probabilities, mean, atol=1e-6)
    assert np.array_equal(both.label, np.array([info.value for info in Predictor(out).plan.classes])[mean.argmax(0)])
    label, ours = (read_label(folder / "hip_0002.nii.gz").array for folder in (tmp_path / "labels", out / "labels"))
    assert np.array_equal(label, ours)

    copied = shutil.copytree(out / "model", tmp_path / "copied")  # one folder is all that is needed
    assert exit_code([*words[:1], str(copied), *words[2:]]) == 0
    shutil.rmtree(copied / "members" / "fold-1")
    capsys.readouterr()
    assert exit_code([*words[:1], str(copied), *words[2:]]) == 2
    assert "fold-1" in capsys.readouterr().err


@pytest.mark.slow
def test_cross_validation_scores_every_labeled_scan_once(tmp_path):
    data = written(tmp_path / "data", 3, 1, 0)
    found = run_job(data, tmp_path / "job", settings())
    assert found.provenance.scored_on == "cross-validation"
    assert found.provenance.scored == 3
    assert found.arms["supervised"].cases == 3
    for fold in (tmp_path / "job" / "folds").iterdir():
        held_out = json.loads((fold / "supervised" / "split.json").read_text(encoding="utf-8"))["test"]
        there = (fold / "supervised" / "predictions").glob("*.nii.gz")
        predicted = [path.name.removesuffix(".nii.gz") for path in there]
        assert predicted == held_out


def test_a_patient_on_two_sides_is_refused(tmp_path, scans):
    table = tmp_path / "cases.csv"
    image, label = "imagesTr/hip_0000_0000.nii.gz", "labelsTr/hip_0000.nii.gz"
    table.write_text(
        "case_id,image,label,split,group\n"
        f"a,{scans / image},{scans / label},training,p1\nb,{scans / image},{scans / label},test,p1\n"
    )
    with pytest.raises(InputError, match="p1"):
        load_dataset(table)


def test_split_names_must_exist_and_bring_the_labels_they_need(scans, tmp_path):
    from semivox.core.split import Split

    with pytest.raises(InputError, match="lacks"):
        load_dataset(scans, Split(labeled=("nobody",)))
    with pytest.raises(InputError, match="no label"):
        load_dataset(scans, Split(labeled=("hip_0002",)))
    with pytest.raises(InputError, match="excluded"):
        load_dataset(scans, None, ("nobody",))
    assert load_dataset(scans, None, ("hip_0000",))[1].labeled == ("hip_0001",)
