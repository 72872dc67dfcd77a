"""Benchmarks are run by hand; here each must at least fit today's program."""

from pathlib import Path

import pytest

from tests.scripts import loaded

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("[a-z]*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_a_benchmark_imports_is_there(script, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.syspath_prepend(str(script.parent))
    assert callable(loaded(script).main)
