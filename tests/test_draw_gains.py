"""The gallery's picture shows what the tables hold."""

from pathlib import Path

import pytest

from tests.scripts import loaded

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def drawing():
    return loaded(ROOT / "results" / "draw_gains.py")


def test_every_gain_of_a_table_is_drawn_the_largest_first(drawing):
    found = drawing.gains("hn-6-draws")
    assert [(gain.method, f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]", gain.verdict) for gain in found] == [
        ("mean teacher", "+0.010 [-0.005, +0.024]", "inconclusive"),
        ("CPS", "+0.008 [+0.001, +0.015]", "inconclusive"),
    ]
    assert len(drawing.gains("hc-8")) == 16


def test_the_picture_is_drawn_again_in_the_same_size(drawing, tmp_path):
    drawing.draw(tmp_path / "gains.png")
    kept = ROOT / "docs" / "img" / "gains.png"
    place = slice(16, 24)  # of a PNG's width and height
    assert (tmp_path / "gains.png").read_bytes()[place] == kept.read_bytes()[place]
