"""Runs on Ray and as jobs of a scheduler end with the same bits as here; what is wrong is a sentence."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.experiments.engines import engine_of
from tests.experiments.here import all_here
from tests.experiments.on_engines import scores, study, words, write
from tests.experiments.tiny import draw_nothing


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write(tmp_path_factory.mktemp("engines"))


@pytest.fixture(scope="module")
def here(place):
    """What this process makes of the study."""
    with pytest.MonkeyPatch.context() as patch:
        all_here(patch)
        draw_nothing(patch)
        assert exit_code(words(place, place / "here", "--processes", "1")) == 0
    return scores(place / "here")


def test_a_study_on_ray_ends_with_the_same_bits(place, here):
    pytest.importorskip("ray", reason="ray is not installed")
    elsewhere = {"RAY_ADDRESS": "127.0.0.1:1"}  # "local" is a cluster of one's own, whatever others there are
    done = study(place, place / "ray", "--on", "ray", "--address", "local", "--processes", "2", **elsewhere)
    assert done.returncode == 0, done.stderr
    assert "On Ray, 2 at a time" in done.stderr
    assert len(here) == 2
    assert scores(place / "ray") == here


@pytest.mark.parametrize(
    ("options", "variable", "sought"),
    [(("--address", "127.0.0.1:1"), "", "127.0.0.1:1"), ((), "127.0.0.1:1", "auto")],
    ids=["given", "of the environment"],
)
def test_where_there_is_no_cluster_a_sentence_says_so(place, tmp_path, monkeypatch, capfd, options, variable, sought):
    pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setenv("RAY_ADDRESS", variable)  # it is asked before Ray waits for it
    assert exit_code(words(place, tmp_path / "out", "--on", "ray", *options)) == 2
    assert f"no Ray cluster answers at '{sought}'" in " ".join(capfd.readouterr().err.split())
    assert not (tmp_path / "out").exists()  # asked before any work


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

    from semivox.core.processes.ray_cluster import TOKEN
    from semivox.experiments.on_ray import RayNode

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
    from semivox.experiments.study_text import load_study_file

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


@pytest.fixture(scope="module")
def model(place, here):
    return place / "here" / "labeled-1" / "draw-0" / "seed-1" / "supervised"


def predict(model, scans, out, *more):
    command = [sys.executable, "-m", "semivox", "predict", model, "--in", scans, "--out", out, *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment)


def test_scans_labeled_on_ray_have_the_same_voxels(place, model, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    scans = place / "scans" / "imagesTr"
    alone = ("predict", model, "--in", scans, "--out", tmp_path / "alone")
    assert exit_code([str(word) for word in alone]) == 0
    done = predict(model, scans, tmp_path / "ray", "--on", "ray", "--address", "local", "--processes", "2")
    assert done.returncode == 0, done.stderr
    assert "On Ray: 2 processes, this one among them" in done.stderr
    labels = sorted(path.name for path in (tmp_path / "alone").glob("*.nii.gz"))
    assert len(labels) == 3
    for name in labels:
        one, other = (nib.load(tmp_path / folder / name) for folder in ("alone", "ray"))
        assert np.array_equal(np.asanyarray(one.dataobj), np.asanyarray(other.dataobj))
    assert not (tmp_path / "ray" / ".shared").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--on", "slurm"), "in several jobs, which share the scans"),
        (("--on", "rey"), "cannot be labeled on 'rey'"),
        (("--address", "auto:1"), "--address belongs to --on ray"),
    ],
)
def test_places_that_cannot_label_scans_are_refused(model, place, tmp_path, options, said, capsys):
    words = ["predict", model, "--in", place / "scans" / "imagesTr", "--out", tmp_path / "labels", *options]
    assert exit_code([str(word) for word in words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "labels").exists()


def test_a_node_that_sees_other_files_or_has_another_version_helps_nobody(tmp_path):
    from importlib.metadata import version

    from semivox.core.processes.ray_cluster import mark
    from semivox.pipeline.predict_on_ray import RayHelper

    token, ours, helper = mark(tmp_path), version("semivox"), RayHelper()
    assert helper.problem([str(tmp_path), f"{tmp_path}#1.2.3"], token, ours) == ""
    assert "does not see the folder" in helper.problem([str(tmp_path)], "another", ours)
    assert "install the same" in helper.problem([str(tmp_path)], token, "0.0.0")
    missing = tmp_path / "scans"
    assert f"does not see {missing};" in helper.problem([str(tmp_path), str(missing)], token, ours)


@pytest.mark.slow
def test_a_cluster_that_was_started_by_hand_is_joined_with_its_token(place, here, tmp_path, monkeypatch):
    """As the page says: ray start --head, then the study. Ray makes a token and asks for it."""
    pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))
    sockets = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # their paths must be short
    monkeypatch.setenv("RAY_TMPDIR", sockets)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = [
        Path(sys.executable).with_name("ray"),
        "start",
        "--head",
        "--block",
        "--port",
        str(port),
        "--num-cpus",
        "2",
    ]
    said = tmp_path / "ray.txt"
    with said.open("wb") as stream:
        cluster = subprocess.Popen([*map(str, start), "--include-dashboard=false"], stdout=stream, stderr=stream)
    try:
        while "Ray runtime started" not in said.read_text():
            assert cluster.poll() is None, said.read_text()
            time.sleep(0.1)
        done = study(place, tmp_path / "out", "--on", "ray", "--address", f"127.0.0.1:{port}")
    finally:
        cluster.terminate()
        cluster.wait(60)
        shutil.rmtree(sockets, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    assert scores(tmp_path / "out") == here
