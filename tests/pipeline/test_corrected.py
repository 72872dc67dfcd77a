"""A command that was wrong leaves nothing behind that its corrected form is held against."""

import pytest

from semivox.core.errors import InputError
from semivox.data import phantom
from semivox.pipeline.options import RunOptions
from semivox.pipeline.train import train_one

TRAIN = {"workers": 0, "device": "cpu", "steps": 1}
PLAN = {"spacing": (8, 8, 8), "patch": (16, 16, 8), "network": "small", "fields": {"precision": "32-true"}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scans"
    phantom.write(folder, 3, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def options(method="supervised", plan=None, **others):
    return RunOptions.of(TRAIN, PLAN | (plan or {}), method=method, **others)


@pytest.mark.parametrize(
    "plan",
    [
        {"spacing": (3000 / 9, 1, 1), "patch": None},  # most scans thinner than a voxel
        {"fields": {"network": {"options": {"strides": [[3, 3, 3]]}}}},
        {"fields": {"intensity": []}},
    ],
)
def test_a_plan_that_cannot_be(scans, tmp_path, plan):
    with pytest.raises(InputError):
        train_one(scans, tmp_path / "run", options("ua_mt", plan))
    train_one(scans, tmp_path / "run", options())
    assert (tmp_path / "run" / "done").exists()


def test_a_scan_that_cannot_be_prepared(scans, tmp_path, monkeypatch):
    def broken(*arguments, **others):
        raise InputError("hip_0002 cannot be prepared")

    with monkeypatch.context() as patch:
        patch.setattr("semivox.pipeline.train.prepare_cases", broken)
        with pytest.raises(InputError, match="hip_0002"):
            train_one(scans, tmp_path / "run", options())
    train_one(scans, tmp_path / "run", options(exclude=("hip_0002",)))
    assert (tmp_path / "run" / "done").exists()


def test_places_and_machines_that_cannot_be_are_refused_before_a_scan_is_read(scans, tmp_path, monkeypatch):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "job.json").touch()
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setattr("semivox.pipeline.train.check_or_raise", lambda *_: pytest.fail("scans were read"))
        for place in (tmp_path / "job", tmp_path / "file" / "within"):
            with pytest.raises(InputError, match="give a"):
                train_one(scans, tmp_path / "run", options(), prepared=place)
        several = RunOptions.of(TRAIN | {"nodes": 2}, PLAN, method="supervised")
        with pytest.raises(InputError, match="needs a launcher"):
            train_one(scans, tmp_path / "run", several)
    train_one(scans, tmp_path / "run", options())
    assert (tmp_path / "run" / "done").exists()


def test_what_has_begun_is_held_against_another_command(scans, tmp_path):
    train_one(scans, tmp_path / "run", options())
    with pytest.raises(InputError, match="cannot resume"):
        train_one(scans, tmp_path / "run", options("ua_mt"))
