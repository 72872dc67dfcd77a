"""What tests of jobs and studies share: scans, and jobs that wait for nobody and draw no figures."""

from __future__ import annotations

import pytest

from semivox.data import phantom
from tests.experiments.tiny import draw_nothing, wait_for_nobody


@pytest.fixture(scope="session")
def scans_of(tmp_path_factory):
    """A folder of that many labeled, unlabeled and test scans, each made once; tests that change it copy it."""
    made = {}

    def folder(labeled, unlabeled, test):
        wanted = (labeled, unlabeled, test)
        if wanted not in made:
            made[wanted] = tmp_path_factory.mktemp("data") / "scans"
            phantom.write(made[wanted], *wanted, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
        return made[wanted]

    return folder


@pytest.fixture
def quick(monkeypatch):
    """The work is done in this process, and nobody waits."""
    wait_for_nobody(monkeypatch)


@pytest.fixture
def undrawn(monkeypatch):
    draw_nothing(monkeypatch)
