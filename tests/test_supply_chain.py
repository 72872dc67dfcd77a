"""What is installed is what was locked, and an audit never says "clean" where nothing was compared."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.scripts import loaded

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"


def entries(name: str) -> list[str]:
    """One text per package, with its hashes."""
    text = (REQUIREMENTS / name).read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]


@pytest.mark.parametrize("name", ["lock.txt", "audit.txt", "docs.txt"])
def test_every_locked_package_has_one_version_and_hashes(name):
    for entry in entries(name):
        assert re.match(r"^[\w.\-]+==[\w.+!]+ \\\n", entry), entry[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:60]


def test_torch_alone_is_pinned_by_version_because_its_builds_differ():
    assert len(entries("torch.txt")) == 1
    assert re.fullmatch(r"torch==[\d.]+", entries("torch.txt")[0].strip())
    assert not any(entry.startswith("torch==") for entry in entries("lock.txt"))


@pytest.fixture
def audit():
    return loaded(REQUIREMENTS / "audit.py")


def package(name: str, **more) -> dict:
    return {"name": name, "version": "1.0", "vulns": [], **more}


BAD = package("bad", vulns=[{"id": "CVE-1", "fix_versions": ["1.1"]}])
UNKNOWN = {"name": "own", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "said"),
    [
        ([package("good")], "", 0, "1 packages compared, 0 vulnerabilities known"),
        ([package("good"), UNKNOWN], "", 0, "not compared: own"),
        ([package("good"), BAD], "", 1, "bad 1.0: CVE-1, fixed in 1.1"),
        ([UNKNOWN], "", 0, "SKIPPED, nothing was compared"),
        (None, "requests.exceptions.ConnectionError: Max retries exceeded", 0, "SKIPPED, nothing was compared"),
        (None, "ERROR: invalid requirement", 2, "failed: ERROR: invalid requirement"),
    ],
)
def test_an_audit_says_what_it_compared(audit, monkeypatch, capsys, stdout, stderr, code, said):
    text = "" if stdout is None else json.dumps({"dependencies": stdout})
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1, text, stderr))
    assert audit.audit(REQUIREMENTS / "lock.txt", []) == code
    assert said in "".join(capsys.readouterr())


def brought(wanted: list[str]) -> set[str]:
    """The packages that these requirements install, with all that those need in turn."""
    found: set[str] = set()
    left = [(Requirement(text), extra) for text in wanted for extra in ("", *Requirement(text).extras)]
    while left:
        asked, extra = left.pop()
        name = canonicalize_name(asked.name)
        if (key := f"{name}[{extra}]") in found:
            continue
        found |= {name, key}
        for text in metadata.requires(asked.name) or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                left += [(need, more) for more in ("", *need.extras)]
    return found


def test_what_the_tests_import_is_brought_by_their_group():
    """Workflows install it, not the lock; a module that lacks a package would end all tests before the first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    there = brought([*project["project"]["dependencies"], *project["dependency-groups"]["test"]])
    packages = metadata.packages_distributions()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module)
            for name in {full.partition(".")[0] for full in names} - {"semivox", "tests", "benchmarks"}:
                if name not in sys.stdlib_module_names:
                    assert {canonicalize_name(one) for one in packages[name]} & there, f"{path}: {name}"
