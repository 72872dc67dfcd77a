"""What is installed is what was locked, and an audit never says "clean" where nothing was compared."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.scripts import loaded

REQUIREMENTS = Path(__file__).parents[1] / "requirements"


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
