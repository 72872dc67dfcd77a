"""Layers import only what is below them, and what needs no torch loads none."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

from importlinter import api

from tests.fresh import printed

ROOT = Path(__file__).parents[2]
LIGHT = [
    "semivox",
    "semivox.training.durations",  # in every bar
    "semivox.methods",
    "semivox.core.plan",
    "semivox.core.split",
    "semivox.core.frozen",
    "semivox.core.case",
    "semivox.core.geometry",
    "semivox.core.errors",
    "semivox.core.progress",
    "semivox.core.randomness",
    "semivox.cli",
]


def test_a_layer_imports_only_what_is_below_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no cache folder in the repository
    settings = api.read_configuration(str(ROOT / "pyproject.toml"))
    layers = settings["contracts_options"][0]["layers"]
    present = {
        path.stem if path.suffix else path.name
        for path in (ROOT / "src" / "semivox").iterdir()
        if path.suffix or list(path.rglob("*.py"))
    }
    listed = {name.strip().split(".")[-1] for layer in layers for name in layer.split("|")}
    assert present - {"__init__", "__main__", "__pycache__", "py"} <= listed, "a package stands in no layer"
    complete = tmp_path / "importlinter.ini"
    # modules that are not written yet cannot be linted; parentheses make a layer optional
    lines = [" | ".join(f"({name.strip()})" for name in layer.split("|")) for layer in layers]
    complete.write_text(
        "[importlinter]\nroot_package = semivox\n\n[importlinter:contract:layers]\nname = layers\ntype = layers\n"
        "layers =\n" + "".join(f"    {line}\n" for line in lines)
    )
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--config", str(complete), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


def test_what_needs_no_torch_loads_none():
    """One process for all: whatever loads torch first is named."""
    light = [name for name in LIGHT if importlib.util.find_spec(name)]
    program = (
        "import importlib, sys\n"
        f"for name in {light!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, f'{name} imports torch'\n"
        "import semivox.methods\n"
        "assert 'embedding_matching' in semivox.methods.names()\n"
        "assert 'torch' not in sys.modules, 'listing the methods imports torch'\n"
    )
    printed(program)


def test_methods_and_what_is_below_them_read_no_files_and_talk_to_nobody():
    """The way from files to tensors is ``data``'s; the way to people ``cli``'s."""
    foreign = {"nibabel", "SimpleITK", "monai", "typer", "rich", "matplotlib", "lightning", "lightning_fabric"}
    program = (
        "import importlib, pkgutil, sys\n"
        "for layer in ('core', 'functional', 'networks', 'methods'):\n"
        "    package = importlib.import_module('semivox.' + layer)\n"
        "    for module in pkgutil.iter_modules(package.__path__):\n"
        "        importlib.import_module(package.__name__ + '.' + module.name)\n"
        f"print(sorted({foreign!r} & set(sys.modules)))\n"
    )
    assert printed(program).strip() == "[]"


def test_tests_import_helper_modules_and_never_one_another():
    """A test module that another one imports is run and read for two reasons; what two need stands in a module of its
    own, named by what it holds."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    modules = {path.stem for path in paths if path.stem.startswith("test_")}
    found = []
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                origin = getattr(node, "module", None) or ""
                parts = {part for alias in node.names for part in f"{origin}.{alias.name}".split(".")}
                found += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(parts & modules)]
    assert found == []
