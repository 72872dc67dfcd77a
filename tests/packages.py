"""Packages of other people, installed by pip into a folder of their own, and commands that find them there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def pip_install(project: Path, site: Path) -> Path:
    """Install a project into the folder ``site`` with what is here already: nothing is fetched."""
    source = site.with_name(f"{site.name}-source")  # a build may write beside the sources
    shutil.copytree(project, source)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    done("-m", "pip", "install", *options, "--target", site, source)
    return site


def done(*command: str | Path, site: Path | None = None) -> str:
    """What Python prints that is called so, with the packages of ``site``; a failure fails the test and is shown."""
    path = os.pathsep.join([str(part) for part in (site, os.environ.get("PYTHONPATH")) if part])
    ended = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **({"PYTHONPATH": path} if path else {})},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout
