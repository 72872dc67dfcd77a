"""``semivox run --devices N`` keeps the experiment: processes share the patches of a step unless told otherwise."""

import pytest

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
    ],
)
def test_patches_are_shared(asked, tmp_path, words, devices, shared):
    assert exit_code(["run", str(tmp_path), "-o", str(tmp_path / "job"), *words]) == 2
    assert asked == {"devices": devices, "shared": shared}


def test_without_devices_one_process_trains(asked, tmp_path):
    assert exit_code(["run", str(tmp_path), "-o", str(tmp_path / "job")]) == 2
    assert asked == {"devices": 1, "shared": False}
