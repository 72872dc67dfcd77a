"""Several processes label a folder: every scan once, to the same bits, whoever dies."""

import os
import re
import signal
import subprocess
import sys

import pytest

from semivox.core.errors import InputError
from semivox.data import phantom
from semivox.pipeline.predict_processes import helped

COMMAND = [sys.executable, "-m", "semivox"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of one step, and six scans."""
    root = tmp_path_factory.mktemp("shared")
    phantom.write(root / "scans", 1, 0, 6, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    sets = ["plan.spacing=8,8,8", "plan.patch=16,16,8", "plan.precision=32-true", "plan.steps=1"]
    words = [word for item in sets for word in ("--set", item)]
    done = subprocess.run(
        [*COMMAND, "train", root / "scans", "-o", root / "run", "--method", "supervised", "--workers", "0", *words],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return root


def predict(root, out, *more):
    command = [*COMMAND, "predict", root / "run", "-i", root / "scans" / "imagesTs", "-o", out, *more]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def labels(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.nii.gz")}


def test_two_processes_make_what_one_makes(trained, tmp_path):
    assert predict(trained, tmp_path / "one").returncode == 0
    done = predict(trained, tmp_path / "two", "--processes", "2")
    assert done.returncode == 0, done.stderr
    assert "6 scans are labeled" in done.stderr
    assert labels(tmp_path / "two") == labels(tmp_path / "one")
    assert len(labels(tmp_path / "two")) == 6
    assert not list((tmp_path / "two").rglob("*.writing*"))


def test_a_scan_that_fails_is_named_once(trained, tmp_path):
    scans = tmp_path / "in"
    scans.mkdir()
    for path in (trained / "scans" / "imagesTs").iterdir():
        (scans / path.name).write_bytes(path.read_bytes())
    bad = scans / "bad_0000.nii.gz"
    bad.write_bytes(path.read_bytes()[:90])
    command = [*COMMAND, "predict", trained / "run", "-i", scans, "-o", tmp_path / "out", "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert len(re.findall(r"^  bad: ", done.stderr, re.M)) == 1
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


def test_fewer_than_one_process_is_refused():
    with pytest.raises(InputError, match="too few"), helped(["predict"], 0):
        pass
