"""What a paper takes from the page: citations of papers alone, and commands that can be read."""

import re
from types import SimpleNamespace
from typing import get_args

import pytest

from semivox.experiments.record import ScoredOn
from semivox.methods import METHODS
from semivox.reports.methods_text import SCORED, citations
from semivox.reports.page import unbroken


@pytest.mark.parametrize("method", METHODS)
def test_a_citation_is_of_a_paper_and_of_nothing_else(method):
    tool, paper = citations(SimpleNamespace(method=method))
    assert "Semivox" in tool
    assert re.search(r"(arXiv:\d{4}\.\d{5}(?: \(\d{4}\))?|10\.\d{4}/\S+)\.$", paper), paper
    assert not re.search(r"default|code|ours|field", paper.lower()), paper


def test_options_are_kept_on_one_line_and_nothing_becomes_markup():
    assert unbroken("run --steps 5 -o x--y") == 'run <span class="option">--steps</span> 5 -o x--y'
    assert unbroken("<b> --a<i>") == '&lt;b&gt; <span class="option">--a</span>&lt;i&gt;'


def test_every_kind_of_scored_scans_has_words():
    assert set(SCORED) | {"nothing"} == set(get_args(ScoredOn))
