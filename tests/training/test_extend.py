"""A finished run goes on to more steps, by the schedule of a run of so many; its folder says so."""

import json

import pytest

from semivox.cli import exit_code
from semivox.data import phantom
from semivox.training.model import load_model


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extend") / "scans"
    phantom.write(folder, 2, 0, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)


HERE = ["--workers", "0", "--device", "cpu", "--precision", "32-true"]


def test_rates_stand_where_those_of_the_longer_run_would(scans, tmp_path, capsys):
    common = ["--method", "supervised", *HERE, "--set", "plan.patch=[16,16,8]", "--set", "plan.spacing=[8,8,8]"]
    long, short = (["train", str(scans), "-o", str(tmp_path / name), *common] for name in ("long", "short"))
    assert exit_code([*long, "--steps", "6"]) == 0
    assert exit_code([*short, "--steps", "3"]) == 0
    first = load_model(tmp_path / "short")[1]
    assert exit_code([*short, "--extend-to", "2"]) == 2
    assert "has 3 steps already" in capsys.readouterr().err
    assert exit_code([*short, "--extend-to", "6", "--steps", "4"]) == 2
    assert exit_code([*short, "--extend-to", "6"]) == 0
    assert load_model(tmp_path / "short")[1].steps == 6
    assert first.steps == 3
    rates = {
        name: [json.loads(line)["rate"] for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("long", "short")
    }
    assert len(rates["short"]) == 6
    assert rates["short"][3:] == rates["long"][3:]
    assert rates["short"][:3] != rates["long"][:3]
    assert json.loads((tmp_path / "short" / "extended.json").read_text())["finished_at"] == [3]


def test_only_a_finished_run_can_be_extended(scans, tmp_path, capsys):
    words = ["train", str(scans), "-o", str(tmp_path / "none"), "--method", "supervised", *HERE, "--extend-to", "5"]
    assert exit_code(words) == 2
    assert "holds no run yet" in capsys.readouterr().err
    assert not (tmp_path / "none" / "plan.json").exists()
