"""Every option that a message suggests exists, and works where it is suggested."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

import semivox
from semivox.cli import app, exit_code
from tests.corpus import good, label

SOURCE = Path(semivox.__file__).parent
OPTION = re.compile(r"(?<![\w(-])--([a-z][a-z-]+)(?![\w-]*\s*[:)])")
ELSEWHERE = {"head", "nnodes", "nproc", "me", "start", "bundle", "config", "dataset", "output"}
"""Of `ray start`, `torchrun`, `squeue` and the readme of a MONAI bundle, which name them."""


def options() -> set[str]:
    """All long options of all commands."""
    group = typer.main.get_command(app)
    commands = [group, *group.commands.values()]
    found = {
        name for command in commands for option in command.params for name in (*option.opts, *option.secondary_opts)
    }
    return {name.removeprefix("--") for name in found if name.startswith("--")} | {"help"}


def messages(path: Path) -> list[str]:
    """The strings of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented
    ]


def test_every_option_that_a_message_names_exists():
    known = options() | ELSEWHERE
    named = {
        (path.relative_to(SOURCE).as_posix(), found)
        for path in SOURCE.rglob("*.py")
        if path.parent.name != "reports"  # style sheets name their variables so
        if path.name != "slurm_queue.py"  # which calls SLURM's commands with options of theirs
        for text in messages(path)
        for found in OPTION.findall(text)
    }
    assert len(named) > 20
    assert not sorted((path, found) for path, found in named if found not in known)


@pytest.mark.parametrize("name", ["a", "a b", "a,b"])
def test_what_the_check_suggests_leaving_out_is_left_out(tmp_path, capsys, name):
    good(tmp_path)
    for folder in ("images", "labels"):
        (tmp_path / folder / "a.nii.gz").rename(tmp_path / folder / f"{name}.nii.gz")
    label(tmp_path).with_name(f"{name}.nii.gz").write_bytes(b"")
    assert exit_code(["check", str(tmp_path), "--workers", "0"]) == 2
    suggested = re.search(r"can be left out: (.*)", capsys.readouterr().out)[1]
    assert exit_code(["check", str(tmp_path), "--workers", "0", *shlex.split(suggested)]) == 0
    assert "2 labeled" in capsys.readouterr().out


def test_a_case_that_is_not_there_cannot_be_left_out(tmp_path, capsys):
    good(tmp_path)
    assert exit_code(["check", str(tmp_path), "--exclude", "zoe", "--workers", "0"]) == 2
    assert "there is no case 'zoe'" in capsys.readouterr().err
