"""What tests of rounds share: nobody waits, and a finished job of which each test takes a copy."""

import shutil

import pytest

from semivox.experiments import runner
from semivox.rounds.next_round import run_rounds
from tests.rounds.loop import asked
from tests.rounds.tiny import scans


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    monkeypatch.setattr(runner, "POLL", 0.0)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A data folder and a finished job; tests take copies."""
    patch = pytest.MonkeyPatch()
    patch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    patch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    patch.setattr(runner, "POLL", 0.0)
    base = tmp_path_factory.mktemp("loop")
    data = scans(base / "data")
    run_rounds(asked(data, base / "job"), None)
    patch.undo()
    return base


@pytest.fixture
def loop(finished, tmp_path):
    """Data and job of this test alone."""
    shutil.copytree(finished / "data", tmp_path / "data")
    shutil.copytree(finished / "job", tmp_path / "job")
    record = tmp_path / "job" / "job.json"
    record.write_text(record.read_text().replace(str(finished.resolve()), str(tmp_path.resolve())))
    return tmp_path
