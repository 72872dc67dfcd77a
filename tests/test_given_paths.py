"""Paths as they are typed: empty ones are refused by every command, and no file of another kind is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from semivox.cli import app, exit_code
from tests import corpus

PATHS = [
    (name, parameter.name, max(parameter.opts, key=len) if parameter.opts[0].startswith("-") else "")
    for name, command in sorted(typer.main.get_command(app).commands.items())
    for parameter in command.params
    if parameter.type_descriptor.annotation in (Path, list[Path])
]
GIVEN = {
    "predict": ("x", "-i", "x", "-o", "x"), "evaluate": ("-r", "x", "-p", "x"), "adopt": ("x", "x"),
    "export": ("x", "--to", "csv"), "plan": ("x", "-o", "x"), "prepare": ("x", "-o", "x"), "train": ("x", "-o", "x"),
    "run": ("x", "-o", "x"), "patches": ("x", "-o", "x"), "pretrain": ("x", "-o", "x"), "study": ("x", "-o", "x"),
    "join": ("x", "x", "-o", "x"), "watch": ("x", "-o", "x"), "fetch": ("hippocampus",), "demo": (), "methods": (),
}  # fmt: skip
"""What a command needs besides; others need one folder."""
PLACES = {"corrected": 1}


@pytest.mark.parametrize(("command", "name", "option"), PATHS)
def test_no_command_takes_an_empty_path_for_the_current_folder(command, name, option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = list(GIVEN.get(command, ("x",)))
    if option:
        words += [option, ""]
    else:
        words[PLACES.get(name, 0)] = ""
    assert exit_code([command, *words]) == 2
    said = capsys.readouterr().err
    assert "is empty; give a path" in said
    assert said.startswith(f"semivox: {option}" if option else "semivox: ")
    assert not list(tmp_path.iterdir())


def test_an_empty_path_among_several_is_seen(capsys):
    assert exit_code(["view", "x", "--labels", "y", "--labels", ""]) == 2
    assert "--labels is empty" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "plan"])
def test_no_scan_is_replaced_by_an_answer(command, tmp_path, capsys):
    corpus.good(tmp_path / "scans")
    scan = tmp_path / "scans" / "images" / "a.nii.gz"
    before = scan.read_bytes()
    assert exit_code([command, str(tmp_path / "scans"), "--workers", "0", "-o", str(scan)]) == 2
    assert "a.nii.gz would be replaced, and is no" in capsys.readouterr().err
    assert scan.read_bytes() == before


def test_an_answer_of_before_is_replaced(tmp_path):
    corpus.good(tmp_path / "scans")
    words = ["check", str(tmp_path / "scans"), "--workers", "0", "-o", str(tmp_path / "check.json")]
    assert exit_code(words) == exit_code(words) == 0
    (tmp_path / "check.json").write_bytes(b"")
    assert exit_code(words) == 0
    (tmp_path / "check.json").write_text("notes")
    assert exit_code(words) == 2


@pytest.mark.parametrize("out", [".", "..", "/"])
@pytest.mark.parametrize("option", ["--report", "--out"])
def test_a_folder_where_a_file_should_be_is_told(option, out, tmp_path, monkeypatch, capsys):
    corpus.good(tmp_path / "work" / "scans")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr("semivox.core.frozen.write_text", lambda path, text: None)  # / may be written to
    code = exit_code(["check", "scans", "--workers", "0", option, out])
    assert code == (2 if option == "--report" else 0)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["check", "scann"],
        ["view", "scann", "--no-browser"],
        ["suggest", "scann", "-o", "new"],
        ["adopt", "scann", "scans"],
        ["rounds", "scann"],
        ["report", "scann"],
        ["predict", "scann", "-i", "scans", "-o", "new"],
        ["evaluate", "-r", "scann", "-p", "scans"],
        ["export", "scann", "--to", "csv", "-o", "new"],
        ["check", "scans", "--split", "scann"],
    ],
    ids=lambda words: words[0],
)
def test_a_mistyped_path_is_one_line_that_names_the_one_beside_it(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "scans/images").mkdir(parents=True)
    (tmp_path / "scans/images/a.nii.gz").touch()
    monkeypatch.chdir(tmp_path)
    assert exit_code(words) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("semivox: scann does not exist (did you mean 'scans'?); "), said
    assert "\n" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]
