"""``--devices N`` of run and study keeps the experiment: processes share the patches of a step, unless told not to."""

import pytest

import semivox
from semivox.cli import exit_code
from semivox.core.errors import InputError


@pytest.fixture
def asked(monkeypatch):
    """What ``semivox run`` hands to the engine, instead of doing it."""
    seen = {}

    def take(job, progress):
        seen.update(devices=job.options.train.devices, shared=job.options.train.split_batch)
        raise InputError("far enough")

    monkeypatch.setattr("semivox.rounds.next_round.run_job", take)
    return seen


@pytest.mark.parametrize(
    ("words", "devices", "shared"),
    [
        (["--devices", "2"], 2, True),
        (["--devices", "1"], 1, False),
        (["--devices", "2", "--set", "train.split_batch=false"], 2, False),
        (["--set", "train.devices=2"], 2, True),
    ],
)
def test_patches_are_shared(asked, tmp_path, words, devices, shared):
    assert exit_code(["run", str(tmp_path), "-o", str(tmp_path / "job"), *words]) == 2
    assert asked == {"devices": devices, "shared": shared}


def test_without_devices_one_process_trains(asked, tmp_path):
    assert exit_code(["run", str(tmp_path), "-o", str(tmp_path / "job")]) == 2
    assert asked == {"devices": 1, "shared": False}


STUDY = 'methods = ["supervised"]\n[cases]\nlabeled = [1]\n'


@pytest.mark.parametrize(
    ("words", "train", "devices", "shared"),
    [
        (["--devices", "2"], "", 2, True),
        (["--devices", "3"], "devices = 2", 3, True),
        (["--devices", "2"], "split_batch = false", 2, False),
        (["--devices", "2", "--set", "train.split_batch=false"], "", 2, False),
        ([], "devices = 2", 2, False),  # the file says all of it
    ],
)
def test_runs_of_a_study_share_patches_where_the_command_asks_for_devices(
    tmp_path, monkeypatch, words, train, devices, shared
):
    seen = []
    monkeypatch.setattr("semivox.experiments.study.run_study", lambda loaded, *_: seen.append(loaded.settings))
    (tmp_path / "study.toml").write_text(f"{STUDY}[train]\n{train}\n")
    words = ["study", tmp_path / "study.toml", "--data", tmp_path, "-o", tmp_path / "out", *words]
    assert exit_code([str(word) for word in words]) == 0
    assert [(found.devices, found.split_batch) for found in seen] == [(devices, shared)]


@pytest.mark.parametrize("devices", [0, 10**6])
def test_devices_that_cannot_be_are_refused(tmp_path, devices):
    (tmp_path / "study.toml").write_text(STUDY)
    with pytest.raises(InputError, match="devices"):
        semivox.study(tmp_path / "study.toml", tmp_path / "out", data=tmp_path, devices=devices)
