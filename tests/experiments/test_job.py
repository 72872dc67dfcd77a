"""The main job goes from a folder to an answer, skips what is done, and scores only scans that it did not train on."""

import json

import pytest

from semivox.core.errors import InputError
from semivox.data import phantom
from semivox.data.planning.options import PlanOptions
from semivox.experiments.job import arms, planned_trials, run_job
from semivox.pipeline.options import RunOptions
from semivox.pipeline.stages import load_dataset
from semivox.reports.job import report_job
from semivox.training.settings import TrainSettings

TINY = PlanOptions(
    spacing=(8.0, 8.0, 8.0), patch=(16, 16, 8), network="small", steps=1, fields={"precision": "32-true"}
)


def settings(**changes):
    values = {"plan": TINY, "train": TrainSettings(workers=0, device="cpu")} | changes
    return RunOptions(**values)


def written(folder, labeled, unlabeled, test):
    phantom.write(folder, labeled, unlabeled, test, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return written(tmp_path_factory.mktemp("data") / "scans", 2, 1, 1)


def test_a_job_ends_with_models_scores_and_an_answer_and_is_not_done_twice(scans, tmp_path, monkeypatch):
    out = tmp_path / "job"
    first = run_job(scans, out, settings(), page=report_job)
    for name in ("check.json", "plan.json", "split.json", "summary.json", "summary.txt", "report.html"):
        assert (out / name).stat().st_size > 0
    for arm in ("supervised", "embedding_matching"):
        assert (out / arm / "model" / "weights.safetensors").exists()
        assert (out / arm / "scores.csv").exists()
        assert [path.name for path in (out / arm / "predictions").iterdir()] == ["hip_1000.nii.gz"]
    assert first.provenance.scored_on == "test"
    assert first.verdict == "inconclusive"  # one scan decides nothing
    assert "Did the unlabeled scans help?" in (out / "summary.txt").read_text(encoding="utf-8")

    def forbidden(*arguments, **options):
        raise AssertionError("a finished part was done again")

    for name in ("pipeline.stages.checks.check", "experiments.job.make_plan"):
        monkeypatch.setattr(f"semivox.{name}", forbidden)
    monkeypatch.setattr("semivox.training.run.work", forbidden)
    monkeypatch.setattr("semivox.pipeline.predict.predictor_of", forbidden)
    assert run_job(scans, out, settings()) == first


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


def test_the_twin_shares_seed_steps_and_optimizer(scans):
    options = {"decay": 0.9, "network": {"rate": 0.05}}
    both = arms(settings(options=options, train=TrainSettings(seed=7, steps=3)))
    assert both["supervised"].train == both["embedding_matching"].train
    assert both["supervised"].options["network"] == both["embedding_matching"].options["network"]
    assert both["supervised"].options["network"]["rate"] == 0.05
    with pytest.raises(InputError, match="twin"):
        arms(settings(method="supervised"))


def test_without_a_test_set_the_job_cross_validates(tmp_path):
    data = written(tmp_path / "data", 4, 1, 0)
    dataset, split = load_dataset(data)
    scored_on, trials = planned_trials(tmp_path / "job", dataset, split, settings())
    assert scored_on == "cross-validation"
    assert trials[0].split == split
    assert not trials[0].scored  # the models to use are trained on everything, so they are not scored
    assert sorted(name for trial in trials[1:] for name in trial.scored) == sorted(split.labeled)
    for trial in trials[1:]:
        assert not {*trial.scored} & {*trial.split.labeled, *trial.split.unlabeled, *trial.split.validation}


@pytest.mark.slow
def test_cross_validation_scores_every_labeled_scan_once(tmp_path):
    data = written(tmp_path / "data", 3, 1, 0)
    found = run_job(data, tmp_path / "job", settings())
    assert found.provenance.scored_on == "cross-validation"
    assert found.provenance.scored == 3
    assert found.arms["supervised"].cases == 3
    for fold in (tmp_path / "job" / "folds").iterdir():
        held_out = json.loads((fold / "supervised" / "split.json").read_text(encoding="utf-8"))["test"]
        predicted = [path.name.removesuffix(".nii.gz") for path in (fold / "supervised" / "predictions").iterdir()]
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
