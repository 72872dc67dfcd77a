"""Packages as pip leaves them: modules and their entry points in a folder, found by whoever has it on the path."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path


def install(site: Path, project: str, modules: dict[str, str]) -> Path:
    """The modules of a project and the entry points of its ``pyproject.toml``, put where Python looks for packages."""
    described = tomllib.loads(project)["project"]
    site.mkdir(parents=True, exist_ok=True)
    for name, code in modules.items():
        (site / f"{name}.py").write_text(code, encoding="utf-8")
    info = site / f"{described['name'].replace('-', '_')}-{described['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    points = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in table.items())
        for group, table in described.get("entry-points", {}).items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    return site


def semivox(*arguments: str | Path, site: Path) -> subprocess.CompletedProcess:
    """The command in a process of its own that finds the packages of ``site``."""
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", "from semivox.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, encoding="utf-8", check=False
    )
