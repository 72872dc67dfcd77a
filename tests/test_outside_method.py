"""The method in a package of its own, as examples/ and the page on adding a method have it, is installed and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semivox.data import phantom
from tests.packages import done, pip_install

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "outside_method"
FILES = {"python": ["src/semivox_agreement/__init__.py", "tests/test_agreement.py"], "toml": ["pyproject.toml"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return pip_install(EXAMPLE, tmp_path_factory.mktemp("outside") / "site")


@pytest.mark.parametrize("language", FILES)
def test_the_page_shows_the_files_of_the_example(language):
    page = (ROOT / "docs" / "how-to" / "add-a-method.md").read_text(encoding="utf-8")
    shown = re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert shown == [(EXAMPLE / name).read_text(encoding="utf-8") for name in FILES[language]]


def test_its_own_test_passes_with_the_package_that_pip_installed(site, tmp_path):
    done("-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, EXAMPLE / "tests", site=site)


def test_every_command_knows_it_by_its_entry_point(site, tmp_path):
    assert re.search(r"^agreement +Agreement with a noisy copy", done("-m", "semivox", "methods", site=site), re.M)
    phantom.write(tmp_path / "scans", 1, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    options = ["--spacing", "8", "--patch", "16,16,8", "--network", "small", "--steps", "2", "--workers", "0"]
    command = ["train", tmp_path / "scans", "-o", tmp_path / "run", "--method", "agreement", *options]
    done("-m", "semivox", *command, "--set", "method.noise=0.2", "--set", "plan.precision=32-true", site=site)
    assert (tmp_path / "run" / "done").exists()
    assert '"noise": 0.2' in (tmp_path / "run" / "config.json").read_text(encoding="utf-8")
