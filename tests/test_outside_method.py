"""The method in a package of its own, as examples/ and the page on adding a method have it, is installed and used."""

from __future__ import annotations

import re

import pytest

from semivox.data import phantom
from tests.packages import done, pip_install
from tests.pages import ROOT, arguments, command_lines, text_of

PAGE = ROOT / "docs" / "how-to" / "add-a-method.md"
EXAMPLE = ROOT / "examples" / "outside_method"
FILES = {"python": ["src/semivox_agreement/__init__.py", "tests/test_agreement.py"], "toml": ["pyproject.toml"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return pip_install(EXAMPLE, tmp_path_factory.mktemp("outside") / "site")


@pytest.mark.parametrize("language", FILES)
def test_the_page_shows_the_files_of_the_example(language):
    shown = re.findall(rf"^```{language}\n(.*?)^```$", text_of(PAGE), re.DOTALL | re.MULTILINE)
    assert shown == [(EXAMPLE / name).read_text(encoding="utf-8") for name in FILES[language]]


def test_its_own_test_passes_with_the_package_that_pip_installed(site, tmp_path):
    done("-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, EXAMPLE / "tests", site=site)


def test_every_command_knows_it_by_its_entry_point(site, tmp_path, monkeypatch):
    assert re.search(r"^agreement +Agreement with a noisy copy", done("-m", "semivox", "methods", site=site), re.M)
    phantom.write(tmp_path / "scans", 1, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    (line,) = command_lines(PAGE)
    monkeypatch.chdir(tmp_path)
    sets = [
        "plan.spacing=8,8,8",
        "plan.patch=16,16,8",
        "plan.precision=32-true",
        "plan.channels_last=false",
        "method.noise=0.2",
    ]
    options = [word for item in sets for word in ("--set", item)]
    done("-m", "semivox", *arguments(line), "--steps", "2", "--workers", "0", *options, site=site)
    run = tmp_path / "runs" / "agreement"
    assert (run / "done").exists()
    assert '"noise": 0.2' in (run / "config.json").read_text(encoding="utf-8")
