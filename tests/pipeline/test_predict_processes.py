"""Several processes label a folder: every scan once, to the same bits, whoever dies."""

import os
import re
import signal
import subprocess
import sys

import pytest

import semivox
from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.data import phantom


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of one step, and six scans."""
    root = tmp_path_factory.mktemp("shared")
    phantom.write(root / "scans", 1, 0, 6, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    sets = ["plan.spacing=8,8,8", "plan.patch=16,16,8", "plan.precision=32-true", "plan.steps=1"]
    words = [word for item in sets for word in ("--set", item)]
    asked = ["train", root / "scans", "-o", root / "run", "--method", "supervised", "--workers", "0", *words]
    assert exit_code([str(word) for word in asked]) == 0
    return root


def labels(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.nii.gz")}


def test_two_processes_make_what_one_makes(trained, tmp_path):
    asked = [str(word) for word in ("predict", trained / "run", "-i", trained / "scans" / "imagesTs", "-o")]
    assert exit_code([*asked, str(tmp_path / "one")]) == 0
    command = [sys.executable, "-m", "semivox", *asked, str(tmp_path / "two"), "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "6 scans are labeled" in done.stderr
    assert labels(tmp_path / "two") == labels(tmp_path / "one")
    assert len(labels(tmp_path / "two")) == 6
    assert not list((tmp_path / "two").rglob("*.writing*"))


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
