"""Each broken promise is noticed by the tests that hold it; by hand: ``python -m tests.mutation.run``."""

from __future__ import annotations

import pytest

from tests.mutation.mutants import MUTANTS
from tests.mutation.run import ROOT, survives


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place(mutant):
    """So that a line which was rewritten is not passed over."""
    assert mutant.old != mutant.new
    assert (ROOT / "src" / "semivox" / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_promise_is_noticed(mutant, tmp_path):
    assert not survives(mutant, tmp_path)
