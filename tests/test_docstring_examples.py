"""The examples in docstrings are run, and give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import semivox

SOURCE = Path(semivox.__file__).parent
SHOWING = [path for path in sorted(SOURCE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


def test_there_are_examples():
    assert len(SHOWING) >= 10


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_an_example_gives_what_it_says(path):
    name = ".".join(("semivox", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert (failed, tried > 0) == (0, True)
