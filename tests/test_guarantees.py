"""Every promise names a test, and every test that is named exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "guarantees.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def test_there_are_promises():
    assert len(NAMED) >= 40


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_proof_of_a_promise_exists(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_has_a_proof():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| promise", "|--"))]
    assert rows
    assert [row for row in rows if "tests/" not in row and "make " not in row] == []


def test_what_breaks_a_promise_is_a_mutant_of_one_of_its_tests():
    """The third column names mutants of ``tests/mutation``; a name that is gone, or of another promise, fails here."""
    tests = {mutant.name: {one.partition("[")[0] for one in mutant.tests} for mutant in MUTANTS}
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]
    broken = 0
    for *_, proof, column in rows:
        named = {f"{file}::{name}" for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", proof)}
        for name in filter(None, column.strip(" |").split("; ")):
            if not re.fullmatch(r"and \d+ more", name):
                assert any(test in named or test in {one.partition("::")[0] for one in named} for test in tests[name])
                broken += 1
    assert broken >= 100
