"""Methods have the names of their papers in sentences, figures and lists."""

import re
from itertools import pairwise

import pytest

from semivox.cli import exit_code
from semivox.methods import METHODS
from semivox.methods.titles import LONGEST, shown, titles


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        ("ua_mt", "UA-MT"),
        ("mc_net_plus", "MC-Net+"),
        ("mean_teacher", "mean teacher"),
        ("ua_mt~no-threshold", "UA-MT (no threshold)"),
        ("supervised~uxnet", "supervised (uxnet)"),
        ("somebody_elses", "somebody elses"),
        ("reference", "reference"),
    ],
)
def test_an_arm_is_named_as_in_papers(arm, name):
    assert shown(arm) == name


def test_every_method_is_listed_by_its_name_and_a_sentence_that_fits_on_a_line(capsys):
    assert exit_code(["methods"]) == 0
    listed = capsys.readouterr().out
    for method in METHODS:
        name, colon, said = titles()[method].partition(": ")
        assert colon
        assert len(name) <= LONGEST
        assert said.endswith(".")
        assert len(titles()[method]) <= 115
        assert titles()[method] in listed


@pytest.mark.parametrize("method", METHODS)
def test_no_line_of_a_description_ends_where_a_word_would_still_fit(method, capsys):
    """As after an edit that nobody wrapped anew; 20 letters are left to taste."""
    assert exit_code(["methods", method]) == 0
    lines = re.split(r"\n(?:Ablations|Recipes) ", capsys.readouterr().out)[0].splitlines()
    for line, following in pairwise(lines):
        indent = len(line) - len(line.lstrip())
        goes_on = (
            following.strip() and len(following) - len(following.lstrip()) == indent and not line.endswith((".", ":"))
        )
        if line.strip() and goes_on and " = " not in following:
            assert len(line) + 1 + len(following.split()[0]) > 100, (line, following)
