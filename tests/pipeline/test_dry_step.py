"""The dry step that a plan is measured by is a step of the run that was asked for, not of its method's default."""

import pytest

from semivox.data import phantom
from semivox.data.planning.options import PlanOptions
from semivox.experiments.job import Job, run_job
from semivox.experiments.study import run_study
from semivox.experiments.study_file import CaseChoice, StudyFile
from semivox.experiments.this_machine import ThisMachine
from semivox.pipeline.options import RunOptions
from semivox.pipeline.train import train_one

PATCH = {"spacing": (8.0, 8.0, 8.0), "patch": (16, 16, 8), "network": "small", "steps": 2}
OPTIONS = {"decay": 0.5}


class Reached(Exception):
    """The dry step; nothing after it matters here."""


def job(scans, out):
    choices = PlanOptions(**PATCH)
    run_job(Job(scans, out, RunOptions(method="mean_teacher", ablation="no noise", options=OPTIONS, plan=choices)))


def training(scans, out):
    train_one(scans, out, RunOptions(method="mean_teacher", ablation="no noise", options=OPTIONS))


def study(scans, out):
    own = {"options": OPTIONS, "ablations": ("no noise",), "only_ablations": True}
    cases = CaseChoice(labeled=(2,), test=("hip_0002",))
    study_file = StudyFile(
        methods=("mean_teacher",), cases=cases, plan=PlanOptions(**PATCH), method={"mean_teacher": own}
    )
    run_study(study_file, scans, scans, out, ThisMachine())


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scans"
    phantom.write(folder, 3, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


@pytest.mark.parametrize("command", [job, training, study])
def test_it_has_the_options_and_the_ablation_that_were_asked_for(command, scans, tmp_path, monkeypatch):
    seen = {}

    def forecast(plan, config, *_):
        seen.update(config.options, method=config.method)
        raise Reached

    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", forecast)
    with pytest.raises(Reached):
        command(scans, tmp_path / "out")
    assert (seen["method"], seen["decay"], seen["noise_teacher"]) == ("mean_teacher", 0.5, 0.0)
