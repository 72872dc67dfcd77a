"""Runs on Ray and as jobs of a scheduler end with the same bits as here; what is wrong is a sentence."""

import json
import os
import subprocess
import sys

import pytest

from semivox.core.errors import InputError
from semivox.data import phantom
from semivox.experiments.engines import engine_of
from semivox.experiments.on_slurm import SlurmEngine

STUDY = """
methods = ["supervised", "mean_teacher"]
seeds = [1]
[cases]
labeled = [1]
[plan]
steps = 2
spacing = [8, 8, 8]
patch = [16, 16, 8]
network = "small"
fields = {precision = "32-true", channels_last = false}
[train]
device = "cpu"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("engines")
    phantom.write(root / "scans", 2, 1, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    (root / "study.toml").write_text(STUDY)
    return root


def study(root, out, *more):
    command = [
        sys.executable,
        "-m",
        "semivox",
        "study",
        root / "study.toml",
        "--data",
        root / "scans",
        "-o",
        out,
        *more,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment)


@pytest.fixture(scope="module")
def here(place):
    done = study(place, place / "here", "--processes", "1")
    assert done.returncode == 0, done.stderr
    return scores(place / "here")


def scores(folder):
    """The scores and weights of every run."""
    found = {}
    for path in sorted(folder.rglob("scores.json")):
        run = path.parent
        found[str(run.relative_to(folder))] = path.read_bytes(), (run / "model" / "weights.safetensors").read_bytes()
    return found


def test_a_study_on_ray_ends_with_the_same_bits(place, here):
    pytest.importorskip("ray", reason="ray is not installed")
    done = study(place, place / "ray", "--on", "ray", "--address", "local", "--processes", "2")
    assert done.returncode == 0, done.stderr
    assert "On Ray, 2 at a time" in done.stderr
    assert len(here) == 2
    assert scores(place / "ray") == here


def test_jobs_of_a_scheduler_end_with_the_same_bits(place, here, tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="submitit is not installed")
    from semivox.experiments.study import run_study
    from semivox.experiments.study_file import load_study_file

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    loaded = load_study_file(place / "study.toml", ())
    engine = SlurmEngine({"time": "10"}, at_once=2, cluster="local")
    run_study(loaded, place, place / "scans", tmp_path / "slurm", engine=engine)
    assert scores(tmp_path / "slurm") == here


def test_where_there_is_no_cluster_a_sentence_says_so(place, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    done = study(place, tmp_path / "out", "--on", "ray", "--address", "127.0.0.1:1")
    assert done.returncode == 2, done.stderr
    assert "no Ray cluster answers at '127.0.0.1:1'" in done.stderr
    assert not (tmp_path / "out").exists()  # asked before any work
    assert "Traceback" not in done.stderr


def test_where_there_is_no_slurm_a_sentence_says_so(place, tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="submitit is not installed")
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    done = study(place, tmp_path / "out", "--on", "slurm", "--slurm", "partition=gpu")
    assert done.returncode == 2, done.stderr
    assert "sbatch" in done.stderr
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [({"name": "rey"}, "did you mean 'ray'"), ({"name": "here", "address": "auto:1"}, "--address goes with --on ray"),
     ({"name": "ray", "slurm": {"partition": "x"}}, "--slurm goes with --on slurm")],
)  # fmt: skip
def test_options_of_another_engine_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        engine_of(**options)


@pytest.mark.parametrize("what", ["folder", "version"])
def test_a_node_that_cannot_do_it_says_why(tmp_path, what, monkeypatch):
    from importlib.metadata import version

    from semivox.experiments.on_ray import TOKEN, RayNode

    (tmp_path / TOKEN).write_text("right")
    token, ours = ("wrong", version("semivox")) if what == "folder" else ("right", "0.0.0")
    said = RayNode().start(str(tmp_path), "run", token, ours, 1, 0)
    assert ("does not see the folder" if what == "folder" else "install the same") in said
    assert json.dumps(said)


@pytest.mark.slow
def test_a_killed_worker_costs_no_run(place, here, tmp_path):
    """The actor of a run is killed while its process trains: another takes over, and the bits are the same."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from semivox.experiments import on_ray
    from semivox.experiments.study import run_study
    from semivox.experiments.study_file import load_study_file

    killed = []
    start = on_ray.RayRun.start

    def killing(self):
        start(self)
        if not killed:
            ray.get(self.begun)
            self.begun = None
            ray.kill(self.actor)
            killed.append(self.run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(on_ray.RayRun, "start", killing)
        loaded = load_study_file(place / "study.toml", ())
        try:
            run_study(loaded, place, place / "scans", tmp_path / "out", engine=on_ray.RayEngine("local", 2))
        finally:
            ray.shutdown()
    assert killed
    assert scores(tmp_path / "out") == here
