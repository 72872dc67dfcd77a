"""The page on DICOM tells what happens: its commands run on a made-up export."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from semivox.cli import exit_code
from tests.data.layouts.dicom_export import patient

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "use-dicom.md"
QUICK = ["--steps", "2", "--network", "small", "--patch", "16,16,8", "--workers", "0", "--processes", "1"]


def commands(*verbs: str) -> list[list[str]]:
    """Arguments of the page's commands with these verbs."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    return [line for line in lines if line[0] in verbs]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folders that the page speaks of."""
    monkeypatch.chdir(tmp_path)
    export = tmp_path / "export"
    kinds = {"anna": "RTSTRUCT", "carl": "SEG", "dora": "RTSTRUCT", "emil": "SEG", "ben": ""}
    for number, (name, kind) in enumerate(kinds.items(), 1):
        patient(export, name, kind, number)
    (export / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "lesion": 1}}))
    shutil.copytree(export / "anna" / "STUDY0", tmp_path / "new" / "anna")
    for name in ("dora", "emil"):
        for path in (export / name / "STUDY0" / "SERIES0").iterdir():
            (tmp_path / "mixed").mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / "mixed" / f"{name}{path.name}")
    (tmp_path / "references").mkdir()
    shutil.copy(export / "anna" / "STUDY0" / "RTSTRUCT" / "1", tmp_path / "references" / "anna.dcm")
    return tmp_path


def test_the_check_of_an_export(place, capsys):
    (line,) = commands("check")
    assert exit_code([*line, "--workers", "0"]) == 0
    assert "5 ok, 0 warning, 0 error" in capsys.readouterr().out


@pytest.mark.slow
def test_a_model_from_an_export(place):
    (line,) = commands("run")
    assert exit_code([*line, *QUICK]) == 0
    for line in commands("predict", "evaluate"):
        assert exit_code(line) == 0, line
    assert [path.name for path in (place / "one").glob("*.nii.gz")] == ["mixed#1.2.55.4.nii.gz"]
    assert exit_code(["predict", "job/supervised", "-i", "mixed", "-o", "none"]) == 2
