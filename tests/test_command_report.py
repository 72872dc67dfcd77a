"""``--report FILE.json`` says what a command did, to what, with what digests, how long, and how it ended."""

import hashlib
import json
import os

import nibabel as nib
import numpy as np
import pytest
from typer.main import get_command

from semivox.cli import app, command_report, exit_code
from semivox.core.errors import SemivoxError


@pytest.fixture
def labels(tmp_path):
    for folder in ("references", "labels"):
        (tmp_path / folder).mkdir()
        array = np.zeros((8, 8, 8), np.uint8)
        array[2:5, 2:6, 3:6] = 1
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / folder / "a.nii.gz")
    return tmp_path


def evaluate(folder, *more):
    words = ["evaluate", "-r", folder / "references", "-p", folder / "labels", "-o", folder / "scores", *more]
    return exit_code([*map(str, words), "--report", str(folder / "report.json")])


COMMANDS = get_command(app).commands
NEEDED = {"export": ["--to", "csv"], "demo": ["--out", "a file"], "watch": ["--last", "1"], "view": ["--no-browser"]}
"""What else a command is given, so that it ends at once."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_writes_it_however_it_ends(name, tmp_path, monkeypatch):
    """With folders that are not there most commands end with 2; what they say stands in the report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("")
    words = [name, *NEEDED.get(name, [])]
    for parameter in COMMANDS[name].params:
        if parameter.required and not set(parameter.opts) & set(words):
            option = [max(parameter.opts, key=len)] if parameter.param_type_name == "option" else []
            words += [*option, *(["nowhere"] * max(parameter.nargs, 1))]
    code = exit_code([*words, "--report", "report.json"])
    found = json.loads((tmp_path / "report.json").read_text())
    assert (found["command"], found["exit_code"]) == (name, code)
    assert code == (0 if name in ("methods", "fetch") else 2), found["error"]
    assert bool(found["error"]) == (code != 0)
    assert {"options", "inputs", "outputs", "started", "seconds", "semivox"} <= found.keys()


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"methods", "view"}))
def test_the_folder_that_a_command_writes_into_is_looked_through(name):
    own = command_report.OWN_OUTPUTS.get(name, set())
    known = {parameter.name for parameter in COMMANDS[name].params}
    assert own <= known
    assert own or command_report.OUTPUTS & known


def test_it_holds_inputs_outputs_time_and_exit_code(labels):
    assert evaluate(labels) == 0
    found = json.loads((labels / "report.json").read_text())
    assert (found["command"], found["exit_code"], found["error"]) == ("evaluate", 0, "")
    assert found["options"]["workers"] == 0
    assert found["seconds"] > 0
    scores = labels / "scores" / "scores.csv"
    assert found["outputs"][str(scores)] == hashlib.sha256(scores.read_bytes()).hexdigest()
    before = found["inputs"][str(labels / "labels")]
    assert before["files"] == 1
    path = labels / "labels" / "a.nii.gz"
    path.write_bytes(path.read_bytes())
    assert evaluate(labels) == 0  # its own report may be replaced
    assert json.loads((labels / "report.json").read_text())["inputs"][str(labels / "labels")] == before
    path.rename(labels / "labels" / "b.nii.gz")
    evaluate(labels)
    assert json.loads((labels / "report.json").read_text())["inputs"][str(labels / "labels")] != before


def test_a_command_that_fails_is_reported_with_its_sentence(labels):
    (labels / "labels" / "a.nii.gz").unlink()
    assert evaluate(labels) == 2
    found = json.loads((labels / "report.json").read_text())
    assert found["exit_code"] == 2
    assert "labels" in found["error"]
    assert found["outputs"] == {}


def test_a_fault_of_the_program_is_reported_too(labels, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("broken")

    monkeypatch.setattr("semivox.api.evaluate", broken)
    with pytest.raises(RuntimeError):
        evaluate(labels)
    assert json.loads((labels / "report.json").read_text())["exit_code"] == 1


def test_what_is_no_report_is_not_replaced_and_nothing_is_done(labels, capsys):
    (labels / "report.json").write_text('{"mine": 1}')
    assert evaluate(labels) == 2
    assert "no report" in capsys.readouterr().err
    assert (labels / "report.json").read_text() == '{"mine": 1}'
    words = ["evaluate", "-r", str(labels / "references"), "-p", str(labels / "labels"), "-o", str(labels / "scores")]
    assert exit_code([*words, "--report", str(labels / "nowhere" / "report.json")]) == 2
    assert not (labels / "scores").exists()


@pytest.mark.parametrize("place", ["pipe", "/proc/x", "/dev/null", "gone/x", "a\0b", "x" * 300])
def test_a_place_where_no_report_can_be_is_refused_before_anything_is_done(labels, capsys, place):
    os.mkfifo(labels / "pipe")
    words = ["evaluate", "-r", labels / "references", "-p", labels / "labels", "-o", labels / "scores"]
    assert exit_code([*map(str, words), "--report", str(labels / place)]) == 2
    assert "--report" in capsys.readouterr().err
    assert not (labels / "scores").exists()


def test_a_report_that_cannot_be_written_at_the_end_is_said(labels, capsys, monkeypatch):
    def full(path, text):
        raise SemivoxError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(command_report, "write_text", full)
    assert evaluate(labels) == 1
    assert "semivox: the report is not written: cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["pipe", "/dev/zero"])
def test_no_pipe_or_device_is_read_for_its_digest(labels, given):
    """Reading one would never end."""
    os.mkfifo(labels / "pipe")
    words = ["evaluate", "-r", labels / given, "-p", labels / "labels", "-o", labels / "scores"]
    assert exit_code([*map(str, words), "--report", str(labels / "report.json")]) == 2
    assert str(labels / given) not in json.loads((labels / "report.json").read_text())["inputs"]
