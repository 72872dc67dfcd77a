"""Runs on Ray and as jobs of a scheduler end with the same bits as here; what is wrong is a sentence."""

import json
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.experiments.engines import engine_of
from tests.experiments.here import all_here
from tests.experiments.on_engines import scores, study, words, write
from tests.experiments.tiny import draw_nothing


@pytest.fixture(autouse=True)
def _ordinary_priority(monkeypatch):
    """Ray would run at low priority, and wait for whatever else runs on this machine."""
    monkeypatch.setenv("RAY_worker_niceness", "0")


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


@pytest.mark.parametrize("missing", ["ray", "grpc"])
def test_a_part_of_ray_that_is_not_installed_is_named(monkeypatch, missing):
    """``ray://`` needs grpc, which ``pip install ray`` alone does not bring."""
    pytest.importorskip("ray", reason="ray is not installed")
    from semivox.core.processes import ray_cluster

    monkeypatch.setattr(ray_cluster, "_require_answer", lambda address: None)
    monkeypatch.setitem(sys.modules, missing, None)
    for name in [name for name in sys.modules if name.startswith("ray.util.client")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError, match=r"pip install 'semivox\[ray\]'" if missing == "ray" else r"`ray\[client\]`"):
        engine_of("ray", "ray://127.0.0.1:1")


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
    assert "ended early" not in done.stderr
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
    assert "does not see the folder" in helper.help([str(tmp_path)], "another", ours, ["--help"], 1)  # if it joins late
    missing = tmp_path / "scans"
    assert f"does not see {missing};" in helper.problem([str(tmp_path), str(missing)], token, ours)


@pytest.mark.parametrize(
    ("nodes", "processes", "device", "cores", "total"),
    [
        (({"CPU": 2.0},) * 4, None, "auto", 1, 8),
        (({"CPU": 2.0},) * 4, 2, "auto", 2, 2),  # not 4: no node has them
        (({"CPU": 8.0, "GPU": 2.0},) * 2, None, "auto", 4, 4),
        (({"CPU": 8.0, "GPU": 2.0},) * 2, None, "cpu", 1, 16),
    ],
)
def test_processes_that_label_fit_on_nodes(monkeypatch, nodes, processes, device, cores, total):
    need, count = shares(monkeypatch, nodes, processes, device)[0]
    assert (need.cores, count) == (cores, total)
    assert need.gpus == int(device == "auto" and "GPU" in nodes[0])


def test_that_no_node_can_help_is_said(monkeypatch):
    said = shares(monkeypatch, ({"CPU": 2.0},), 3, "cuda")[1]
    assert "This machine labels alone until a node joins: no node of the Ray cluster has 1 core and 1 GPU" in said


def shares(monkeypatch, nodes, processes, device):
    from semivox.core.processes.ray_room import Room
    from semivox.pipeline import predict_on_ray

    class Said(list):
        say = list.append

    monkeypatch.setattr(predict_on_ray, "room_now", lambda: Room(nodes))
    said = Said()
    return predict_on_ray._shares(processes, device, said), " ".join(said)
