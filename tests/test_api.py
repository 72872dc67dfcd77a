"""The Python interface: the same verbs, quick to import, with the same errors."""

import inspect
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import semivox
from semivox.data import phantom
from tests.fresh import printed

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "python_api.py"
PAGE = ROOT / "docs" / "reference" / "python-api.md"


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda *_: 0)
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api") / "scans"
    phantom.write(folder, 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


VERBS = [
    *("adopt", "check", "demo", "evaluate", "join", "patches", "plan", "predict", "prepare", "pretrain", "report"),
    *("run", "self_train", "study", "suggest", "train", "view", "watch"),
]
VALUES = ["InputError", "InterruptedRun", "Plan", "Predictor", "SemivoxError", "Split", "Terminal"]


def test_every_verb_is_there_and_documented():
    assert set(semivox.__all__) == {*VERBS, *VALUES, "__version__"}
    assert semivox.__version__ == version("semivox")
    for name in (*VERBS, *VALUES):
        assert callable(getattr(semivox, name))
        assert getattr(semivox, name).__doc__
        assert name in dir(semivox)
    with pytest.raises(AttributeError, match="segment"):
        _ = semivox.segment


def shown(name):
    """The parameters of a function by name, with the mark after which they must be named."""
    parameters = list(inspect.signature(getattr(semivox, name)).parameters.values())
    names = [("**" if one.kind is one.VAR_KEYWORD else "") + one.name for one in parameters]
    by_name = [number for number, one in enumerate(parameters) if one.kind is one.KEYWORD_ONLY]
    return [*names[: by_name[0]], "*", *names[by_name[0] :]] if by_name else names


def test_the_page_of_the_interface_shows_the_functions_as_they_are():
    documented = re.findall(r"^\| `semivox\.(\w+)\((.*?)\)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: parameters.split(", ") for name, parameters in documented} == {
        name: shown(name) for name in (*VERBS, "Predictor")
    }


def test_looking_up_a_verb_loads_no_torch():
    printed("import sys, semivox; semivox.train; assert 'torch' not in sys.modules")


def test_from_check_to_scores(scans, tmp_path):
    assert semivox.check(str(scans)).ok
    plan = semivox.plan(scans, spacing=(8, 8, 8), patch=(16, 16, 8), network="small", steps=1)
    assert plan.reasons["patch"] == "chosen by the user"
    store = semivox.prepare(scans, tmp_path / "prepared", plan=plan)
    assert store.names == ("hip_0000", "hip_0001", "hip_0002")  # the test scan is not among what training sees
    settings = {"workers": 0, "device": "cpu"}
    run = semivox.train(
        scans, tmp_path / "run", method="mean_teacher", plan=plan, prepared=store.folder, settings=settings
    )
    assert not (run / "prepared").exists()
    labels = semivox.predict(run, scans / "imagesTs", tmp_path / "labels", save=["disagreement"])
    assert [path.name for path in labels] == ["hip_1000.nii.gz"]
    assert (tmp_path / "labels" / "hip_1000_disagreement.nii.gz").exists()
    (tmp_path / "labels" / "hip_1000_disagreement.nii.gz").unlink()
    rows = semivox.evaluate(scans / "labelsTs", tmp_path / "labels")
    assert {row.case for row in rows} == {"hip_1000"}


def test_wrong_settings_are_refused_before_anything_is_written(scans, tmp_path):
    from semivox import InputError

    with pytest.raises(InputError, match="did you mean 'steps'"):
        semivox.train(scans, tmp_path / "run", settings={"step": 3})
    with pytest.raises(InputError, match="did you mean 'patch'"):
        semivox.run(scans, tmp_path / "run", plan={"pach": (1, 1, 1)})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_example_runs(tmp_path):
    subprocess.run([sys.executable, str(EXAMPLE), str(tmp_path / "example")], check=True, timeout=900)
    assert (tmp_path / "example" / "scores" / "scores.csv").exists()
