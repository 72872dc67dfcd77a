"""Labels that come after a training began are told, and --begin trains on them in a next round beside it."""

import shutil

import pytest

from semivox.cli import exit_code
from semivox.core.split import Split
from semivox.data import phantom
from semivox.training.settings import RunConfig

SIZE = [w for f in ("spacing=[8,8,8]", "patch=[16,16,8]", "precision=32-true") for w in ("--set", f"plan.{f}")]
TRAIN = ["--method", "supervised", "--steps", "1", "--workers", "0", "--device", "cpu", *SIZE]


def test_a_label_that_came_since_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    scans, run = tmp_path / "scans", tmp_path / "run"
    phantom.write(scans, 1, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    command = ["train", str(scans), "-o", str(run), *TRAIN]

    def said(words, code=0):
        assert exit_code(words) == code
        return " ".join(capsys.readouterr().err.split())

    assert "does not use" not in said(command)
    assert "does not use" not in said(command)
    label = next((scans / "labelsTr").iterdir())
    names = {path.name.replace("_0000.nii.gz", "") for path in (scans / "imagesTr").iterdir()}
    unlabeled = (names - {label.name.replace(".nii.gz", "")}).pop()
    shutil.copy(label, label.with_name(f"{unlabeled}.nii.gz"))
    told = said(command)
    assert "already finished" in told
    assert f"1 scan has a label which this run does not use, as there was none when it began: {unlabeled}" in told
    assert "--begin scratch trains on them, too, or --begin warm" in told
    assert "does not use" not in said([*command, "--labeled", "1"])  # the user said which labels count


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A finished training on one of three scans, and a function that labels another one."""
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    scans, run = tmp_path / "scans", tmp_path / "run"
    phantom.write(scans, 1, 2, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    command = ["train", str(scans), "-o", str(run), *TRAIN]
    assert exit_code(command) == 0

    def label_one():
        label = next((scans / "labelsTr").iterdir())
        names = {path.name.replace("_0000.nii.gz", "") for path in (scans / "imagesTr").iterdir()}
        name = sorted(names - {path.name.replace(".nii.gz", "") for path in (scans / "labelsTr").iterdir()})[0]
        shutil.copy(label, label.with_name(f"{name}.nii.gz"))
        return name

    return scans, run, command, label_one


def weights(run):
    return (run / "model" / "weights.safetensors").read_bytes()


def test_new_labels_begin_a_round_of_the_same_training(lab, capsys):
    _, run, command, label_one = lab
    first, name = weights(run), label_one()
    capsys.readouterr()
    assert exit_code([*command, "--begin", "warm"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert f"Round 2: 1 new label ({name}), 2 labeled scans in all, from the last weights" in told
    assert f"The model is in {run / 'rounds' / '2' / 'model'}" in told
    assert name in Split.load(run / "rounds" / "2" / "split.json").labeled
    assert Split.load(run / "rounds" / "2" / "split.json").test == Split.load(run / "split.json").test
    assert RunConfig.load(run / "rounds" / "2" / "config.json").train.warm_start == str(run.resolve())
    assert weights(run) == first
    assert weights(run / "rounds" / "2") != first
    assert exit_code([*command, "--begin", "warm"]) == 0  # once more: nothing is new
    assert "no label is new since" in " ".join(capsys.readouterr().err.split())
    assert not (run / "rounds" / "3").exists()
    label_one()
    assert exit_code([*command, "--begin", "scratch"]) == 0
    assert len(Split.load(run / "rounds" / "3" / "split.json").labeled) == 3
    assert RunConfig.load(run / "rounds" / "3" / "config.json").train.warm_start is None


def test_a_round_that_was_stopped_is_resumed_as_it_was_begun(lab, capsys):
    _, run, command, label_one = lab
    label_one()
    assert exit_code([*command, "--begin", "scratch"]) == 0
    done = weights(run / "rounds" / "2")
    (run / "rounds" / "2" / "done").unlink()
    assert exit_code([*command, "--begin", "warm"]) == 2
    assert "round 2 was begun with --begin scratch" in " ".join(capsys.readouterr().err.split())
    label_one()  # arrives meanwhile, and waits for round 3
    assert exit_code([*command, "--begin", "scratch"]) == 0
    assert weights(run / "rounds" / "2") == done
    assert len(Split.load(run / "rounds" / "2" / "split.json").labeled) == 2


def test_rounds_that_cannot_be_are_told(lab, capsys, tmp_path):
    scans, run, command, label_one = lab

    def refused(*words):
        capsys.readouterr()
        assert exit_code(list(words)) == 2
        return " ".join(capsys.readouterr().err.split())

    label_one()
    assert "'wram' is neither warm nor scratch (did you mean 'warm'?)" in refused(*command, "--begin", "wram")
    assert "config.json changed since the run began" in refused(*command, "--set", "train.seed=5", "--begin", "warm")
    assert "leave out --split and --labeled" in refused(*command, "--labeled", "1", "--begin", "warm")
    assert "leave out --plan and --extend-to" in refused(*command, "--begin", "warm", "--extend-to", "9")
    other = ["train", str(scans), "-o", str(tmp_path / "other"), *TRAIN, "--begin", "warm"]
    assert "holds no finished training" in refused(*other)
    first = next(iter(Split.load(run / "split.json").labeled))
    (scans / "labelsTr" / f"{first}.nii.gz").unlink()
    assert "is gone, with which the run was trained" in refused(*command, "--begin", "scratch")
    assert not (run / "rounds").exists()
