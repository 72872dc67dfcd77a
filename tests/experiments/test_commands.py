"""The commands of jobs and studies, as a user types them; trainings are done in this process."""

import json
import os
import re
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest

from semivox.cli import exit_code
from semivox.experiments.local_processes import LocalProcesses
from tests.experiments.here import Here
from tests.experiments.tiny import wait_for_nobody

TINY = (
    *("--spacing", "8", "--patch", "16,16,8", "--network", "small", "--steps", "1", "--device", "cpu"),
    *("--workers", "0", "--set", "plan.precision=32-true", "--set", "plan.channels_last=false"),
)


WITH_PATHS = ("job.json", "case.json")
"""Files of a job folder that say where its scans are: without that, it could not be resumed."""


def as_recorded(command):
    """A command with the last names of its paths, as a record keeps it, quoted as a shell reads it."""
    return shlex.join(["semivox", *(f".../{Path(word).name}" if word.startswith("/") else word for word in command)])


@pytest.fixture
def wanted(monkeypatch):
    """How many processes each command asked for."""
    asked = []
    monkeypatch.setattr(
        LocalProcesses, "fitting", lambda plan, runs, count, device, devices=1: asked.append(count) or Here()
    )
    wait_for_nobody(monkeypatch)
    return asked


@pytest.fixture(scope="module")
def scans(scans_of):
    return scans_of(2, 1, 1)


def test_a_job_without_labels_and_its_page_once_more(scans, tmp_path, wanted, capsys, monkeypatch):
    job = tmp_path / "job"
    for path in scans.rglob("*.*"):
        os.utime(path, (1e9, 1e9))  # scans that have not changed for a while
    command = ["run", str(scans), "-o", str(job), *TINY, "--processes", "2", "--no-labels"]
    assert exit_code(command) == 0
    assert wanted == [2]
    assert not (job / "labels").exists()
    said = capsys.readouterr().err
    assert "Warning: supervised: bone is hardly found" in " ".join(said.split())
    assert "Read the 2 warnings above before you use this model" in said
    assert "small V-Net" in said
    assert "but it is not usable yet" in " ".join(said.split())
    assert "Labels of the unlabeled scans" not in said
    (job / "report.html").unlink()
    assert exit_code(["report", str(job)]) == 0
    page = (job / "report.html").read_text(encoding="utf-8")
    assert "hardly found" in page
    typed = as_recorded(command)
    assert typed in re.sub("<[^>]+>", "", page)
    shared = [page, *(path.read_text() for path in job.rglob("*.json*") if path.name not in WITH_PATHS)]
    assert not [text[:80] for text in shared if str(tmp_path.parent) in text]
    environment = json.loads((job / "supervised" / "environment.json").read_text())
    assert environment[-1]["command"] == typed
    assert "a training, " in page  # what each method cost
    assert exit_code(["run", str(scans), "-o", str(job), *TINY]) == 0
    starts = json.loads((job / "job.json").read_text())["starts"]
    assert starts[0] == {"command": typed, "semivox": version("semivox")}
    assert [start["command"] for start in starts[1:]] == [as_recorded(["run", str(scans), "-o", str(job), *TINY])]
    assert wanted == [2]  # --workers 0 without --processes starts no process at all
    assert [path.name for path in (job / "labels").glob("*.nii.gz")] == ["hip_0002.nii.gz"]
    _asked_again(scans, job, capsys, monkeypatch)
    assert exit_code(["predict", str(job / "embedding_matching"), "-i", str(scans / "imagesTs"), "-o",
                      str(tmp_path / "labels"), "--device", "cpu"]) == 0  # fmt: skip


def _asked_again(scans, job, capsys, monkeypatch):
    """The same words are answered from files, until one of them is another."""
    command = ["run", str(scans), "-o", str(job), *TINY]
    first = capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("semivox.api.run", lambda *_, **__: pytest.fail("the job was looked into"))
        assert exit_code(command) == 0
    again = capsys.readouterr().err
    assert again.startswith("Finished before, and nothing has changed since.")
    assert " ".join(first.split()).endswith(" ".join(again.split())[48:])
    (job / "report.html").write_text("another", encoding="utf-8")
    assert exit_code(command) == 0
    assert "Finished before" not in capsys.readouterr().err
    assert "hardly found" in (job / "report.html").read_text(encoding="utf-8")


def test_no_process_at_all_is_refused(scans, tmp_path, wanted):
    assert exit_code(["run", str(scans), "-o", str(tmp_path / "job"), *TINY, "--processes", "0"]) == 2
    assert not (tmp_path / "job").exists()


def test_a_study_of_folds_from_the_command_line(scans, tmp_path, wanted):
    path = tmp_path / "study.toml"
    path.write_text(
        'methods = ["supervised"]\n[cases]\nlabeled = [2]\n[train]\ndevice = "cpu"\nworkers = 0\n'
        "[plan]\nspacing = [8, 8, 8]\npatch = [16, 16, 8]\nsteps = 1\nnetwork = 'small'\n"
        "[plan.fields]\nprecision = '32-true'\nchannels_last = false\n"
    )
    out = tmp_path / "study"
    command = ["study", str(path), "--data", str(scans), "-o", str(out), "--processes", "3"]
    assert exit_code([*command, "--set", "cases.folds=auto"]) == 0
    assert wanted == [3]
    assert len(list((out / "labeled-2" / "draw-0" / "folds").glob("*/seed-1/supervised/scores.json"))) == 2
    assert exit_code(["report", str(out)]) == 0
    assert exit_code([*command, "--set", "cases.folds=2"]) == 2  # another choice of who is scored


def test_a_folder_of_neither_is_refused(tmp_path, capsys):
    assert exit_code(["report", str(tmp_path)]) == 2
    assert "holds no job and no study" in capsys.readouterr().err


def test_a_study_without_any_process_makes_its_folders(scans, tmp_path, monkeypatch):
    wait_for_nobody(monkeypatch)
    study_file = tmp_path / "study.toml"
    study_file.write_text(
        'methods = ["supervised"]\n[cases]\nlabeled = [1]\n[plan]\nspacing = [8, 8, 8]\npatch = [16, 16, 8]\n'
        'network = "small"\nsteps = 1\n[train]\ndevice = "cpu"\nworkers = 0\n'
    )
    assert exit_code(["study", str(study_file), "--data", str(scans), "-o", str(tmp_path / "study")]) == 0
    assert (tmp_path / "study" / "labeled-1" / "draw-0" / "seed-1" / "supervised" / "done").exists()
