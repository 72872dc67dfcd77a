"""Several processes label a folder: every scan once, to the same bits, whoever dies."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import semivox
from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.data import phantom
from semivox.inference import folder
from semivox.pipeline.predict_processes import command_of
from tests.pages import COMMANDS


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of one step, and six scans."""
    root = tmp_path_factory.mktemp("shared")
    phantom.write(root / "scans", 1, 0, 6, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    sets = [
        "plan.spacing=8,8,8",
        "plan.patch=16,16,8",
        "plan.precision=32-true",
        "plan.channels_last=false",
        "plan.steps=1",
    ]
    words = [word for item in sets for word in ("--set", item)]
    asked = ["train", root / "scans", "-o", root / "run", "--method", "supervised", "--workers", "0", *words]
    assert exit_code([str(word) for word in asked]) == 0
    return root


def labels(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.nii.gz")}


HOOK = """import os, sys
def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith("weights.safetensors"):
        with open(os.environ["OPENED"], "a") as stream:
            stream.write(f"{os.getpid()}\\n")
sys.addaudithook(note)
"""
"""Notes the process of each that opens the weights of a model."""


def test_two_processes_make_what_one_makes_and_each_loads_the_model_once(trained, tmp_path):
    asked = [str(word) for word in ("predict", trained / "run", "-i", trained / "scans" / "imagesTs", "-o")]
    assert exit_code([*asked, str(tmp_path / "one")]) == 0
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join([str(tmp_path / "site"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "OPENED": str(tmp_path / "opened.txt")}
    command = [sys.executable, "-m", "semivox", *asked, str(tmp_path / "two"), "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "6 scans are labeled" in done.stderr
    assert "ended early" not in done.stderr
    assert labels(tmp_path / "two") == labels(tmp_path / "one")
    assert len(labels(tmp_path / "two")) == 6
    assert not list((tmp_path / "two").rglob("*.writing*"))
    opened = (tmp_path / "opened.txt").read_text().split()
    assert len(opened) == len(set(opened)) == 2


def test_a_scan_that_fails_is_named_once(trained, tmp_path, capfd):
    scans = tmp_path / "in"
    scans.mkdir()
    for path in (trained / "scans" / "imagesTs").iterdir():
        (scans / path.name).write_bytes(path.read_bytes())
    bad = scans / "bad_0000.nii.gz"
    bad.write_bytes(path.read_bytes()[:90])
    asked = ["predict", trained / "run", "-i", scans, "-o", tmp_path / "out", "--processes", "2"]
    assert exit_code([str(word) for word in asked]) == 2
    assert len(re.findall(r"^  bad: ", capfd.readouterr().err, re.M)) == 1
    assert len(labels(tmp_path / "out")) == 6


@pytest.mark.parametrize("save", ["", "entropy", "probabilities,dicom-seg"])
def test_processes_that_help_understand_what_they_are_told(save):
    """An empty ``--save`` was refused since options may not be empty: every helper ended, and nobody was told."""
    from semivox.pipeline.saved_forms import maps_and_forms

    maps, _ = maps_and_forms(tuple(save.split(",")) if save else ())
    how = {"blend": "gaussian", "overlap": 0.5, "mirror": True, "stride": (8, 8, 8), "device": "auto"}
    given = command_of(Path("run"), Path("in"), Path("out"), maps, True, "32-true", how)
    assert "" not in [word.partition("=")[2] for word in given if "=" in word]
    assert COMMANDS["predict"].make_context("predict", given[1:]).params["overwrite"] is True


def test_a_helper_that_helps_nobody_is_told_of(trained, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("semivox.pipeline.label_scans.command_of", lambda *_: ["predict", "run", "--nonsense"])
    words = ["predict", trained / "run", "-i", trained / "scans" / "imagesTs", "-o", tmp_path / "out", "--processes", 2]
    assert exit_code([str(word) for word in words]) == 0
    assert "A helping process ended early; others labeled its scans: " in " ".join(capfd.readouterr().err.split())
    assert len(labels(tmp_path / "out")) == 6


def test_a_helper_that_is_killed_loses_nothing(trained, tmp_path):
    killed = []

    def kill(process, *arguments, **options):
        started = subprocess_popen(process, *arguments, **options)
        os.kill(started.pid, signal.SIGKILL)
        killed.append(started.pid)
        return started

    subprocess_popen = subprocess.Popen
    import semivox

    original, subprocess.Popen = subprocess.Popen, kill
    try:
        made = semivox.predict(trained / "run", trained / "scans" / "imagesTs", tmp_path / "out", processes=2)
    finally:
        subprocess.Popen = original
    assert killed
    assert len(made) == 6


@pytest.mark.parametrize("part", ["read", "write_label"])
def test_while_one_process_reads_or_writes_another_labels(trained, tmp_path, monkeypatch, part):
    """This one stands still at its first scan until another process has labeled one."""
    out, real, ours = tmp_path / "out", getattr(folder, part), []

    def slow(where, *arguments):
        while not ours and not list((out / "origins").glob("*.json")):
            assert time.monotonic() < begun + 240, "no other process labels anything meanwhile"
            time.sleep(0.05)
        ours.append(where)
        return real(where, *arguments)

    begun = time.monotonic()
    monkeypatch.setattr(folder, part, slow)
    made = semivox.predict(trained / "run", trained / "scans" / "imagesTs", out, processes=2)
    assert len(made) == 6
    assert 1 <= len(ours) < 6


@pytest.mark.parametrize("wrong", [0, -1, 257, 10**20])
def test_a_number_of_processes_that_cannot_be_starts_none(tmp_path, monkeypatch, wrong):
    """A mistyped number once started hundreds of them, until the machine stood still."""
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    for verb, where in ((semivox.predict, "here"), (semivox.predict, "ray"), (semivox.run, "here")):
        more = [tmp_path / "labels"] if verb is semivox.predict else []
        with pytest.raises(InputError, match=f"--processes {wrong}: give 1 to 256"):
            verb(tmp_path, tmp_path / "scans", *more, processes=wrong, on=where)
    assert exit_code(["predict", "run", "-i", "scans", "-o", str(tmp_path / "labels"), "--processes", str(wrong)]) == 2
    assert not any(tmp_path.iterdir())


def test_a_job_without_a_model_of_its_own_names_those_that_are_in_it(trained, tmp_path):
    """One that is not finished, or of version 0.1.0, which chose none."""
    for name in ("supervised", "mean_teacher"):
        (tmp_path / "job" / name).mkdir(parents=True)
        (tmp_path / "job" / name / "model").symlink_to(trained / "run" / "model")
    (tmp_path / "job" / "prepared").mkdir()
    said = r"no model of its own.*semivox 0\.1\.0.*one of the models in it: mean_teacher, supervised"
    with pytest.raises(InputError, match=said):
        semivox.predict(tmp_path / "job", trained / "scans" / "imagesTs", tmp_path / "out")
    assert not (tmp_path / "out").exists()
