"""Numbers of things as a person says them."""

import pytest

from semivox.core.plurals import plural


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (1, "case", "1 case"),
        (0, "case", "0 cases"),
        (2, "patient or scan", "2 patients or scans"),
    ],
)
def test_one_is_said_otherwise_than_many(count, noun, said):
    assert plural(count, noun) == said


def test_other_plurals_are_given():
    assert plural(2, "process", "processes") == "2 processes"
    assert plural(1, "scan has", "scans have") == "1 scan has"
