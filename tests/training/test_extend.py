"""A finished run goes on to more steps, by the schedule of a run of so many; its folder says so."""

import json

import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.data import phantom
from semivox.training import extend as extending
from semivox.training.checkpoint import State
from semivox.training.extend import extend
from semivox.training.folder import RunFolder
from semivox.training.model import load_model
from semivox.training.settings import RunConfig
from tests.training.tiny import plan


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


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """A folder as a run of 6 steps leaves it, as far as it is asked before it goes on; its state is that of step 6."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    plan(6).save(folder.plan)
    RunConfig(method="supervised", options={}).save(folder.config)
    folder.done.touch()
    monkeypatch.setattr(extending.checkpoint, "load", lambda _: State(step=6))
    return folder


def files(folder):
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def test_an_extension_is_written_down_and_asked_for_again_is_left_alone(ended, monkeypatch):
    extend(ended, 9)
    assert not ended.done.exists()
    longer = Plan.load(ended.plan)
    assert (longer.steps, longer.reasons["steps"]) == (9, "extended from 6 by the user")
    assert RunConfig.load(ended.config).train.steps == 9
    begun = files(ended)
    extend(ended, 9)  # as after a Ctrl-C
    assert files(ended) == begun
    with pytest.raises(InputError, match="is not finished; first let it reach its 9 steps"):
        extend(ended, 12)
    assert files(ended) == begun
    ended.done.touch()
    monkeypatch.setattr(extending.checkpoint, "load", lambda _: State(step=9))
    extend(ended, 12)
    assert json.loads((ended.path / "extended.json").read_text(encoding="utf-8"))["finished_at"] == [6, 9]


def test_a_run_without_the_state_of_its_last_step_stays_finished(ended, monkeypatch):
    monkeypatch.setattr(extending.checkpoint, "load", lambda _: State(step=4))
    before = files(ended)
    with pytest.raises(InputError, match=r"holds no state of the last step \(6\)"):
        extend(ended, 9)
    assert files(ended) == before


def test_an_unfinished_run_that_was_never_extended_is_refused(ended):
    ended.done.unlink()
    with pytest.raises(InputError, match="is not finished; first let it reach its 6 steps"):
        extend(ended, 6)


@pytest.mark.parametrize("name", ["plan", "config"])
def test_killed_while_it_is_written_down_the_run_is_finished_still(ended, monkeypatch, name):
    """Whatever is written, the mark that a run is finished goes last: without it, half of this would be trained on."""

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Plan if name == "plan" else RunConfig, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        extend(ended, 9)
    assert ended.done.exists()
