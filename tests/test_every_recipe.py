"""Every recipe is followed, at small scale, by the command line of an installed wheel, away from the sources."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / "results" / "every_recipe.py"))
RECIPES = tuple(SCRIPT["recipes"]())
METHODS = tuple(name for name in RECIPES if not name.startswith("tables/"))
PIP = ["--no-index", "--disable-pip-version-check", "--quiet", "--no-deps"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds what the wheel installs, and scans."""
    out = tmp_path_factory.mktemp("every")
    for words in (
        ["wheel", "--no-build-isolation", "--wheel-dir", out / "wheel", ROOT],
        ["install", "--target", out / "site", "--find-links", out / "wheel", "semivox"],
    ):
        subprocess.run([sys.executable, "-m", "pip", *words[:1], *PIP, *map(str, words[1:])], check=True)
    SCRIPT["write_scans"](out / "scans")
    return out


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_it_is_followed_from_a_wheel(name, installed, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(installed / "site"))
    code = "import semivox; print(semivox.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, cwd=installed
    )
    assert Path(where.stdout.strip()).is_relative_to(installed / "site")
    done = SCRIPT["run"](name, installed / "scans", installed)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert SCRIPT["finished"](installed / name)
    if name in METHODS:
        told = done.stderr + done.stdout
        asked = ("plan.patch", "train.steps", "method.clusters.queries")
        for key in asked if name.startswith("dkuxnet") else asked[:2]:
            if key in known(name):
                assert f"overruled: {key} " in told, key


def known(name: str) -> set[str]:
    """The values that a recipe names, by what a user calls them."""
    from semivox.pipeline.recipe import load_recipe

    fields = {field for field, _, _ in load_recipe(*name.split("/")).lines()}
    return {field.replace("plan.steps", "train.steps") for field in fields}


def test_there_is_one_for_every_method_and_table():
    assert {"urpc/miccai-2021", "dkuxnet/la-2024", "tables/midl-table-1", "tracoco/la-2024-8"} <= set(RECIPES)
    assert len(METHODS) >= 23
    assert {SCRIPT["layout_of"](name) for name in RECIPES} == {"patches", "left-atrium"}
