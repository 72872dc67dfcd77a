"""The page on costs is what its script writes, and the script's arithmetic holds in cases that are known."""

from pathlib import Path

import pytest

from tests.scripts import loaded

ROOT = Path(__file__).parents[1]
scale = loaded(ROOT / "benchmarks" / "scale.py")


def test_the_page_is_what_the_script_writes():
    kept = ROOT / "results" / "benchmarks"
    found = scale.measured(kept / "engines.json", kept / "methods.md")
    page = (ROOT / "docs" / "explanation" / "what-it-costs.md").read_text(encoding="utf-8")
    assert page == scale.page(found, scale.Assumed()), "write it anew: python benchmarks/scale.py"


@pytest.mark.parametrize(
    ("work", "devices", "gap", "service", "seconds"),
    [
        ([4.0, 4.0, 4.0], 1, 0.0, 0.0, 12.0),
        ([4.0, 4.0, 4.0], 2, 0.0, 0.0, 8.0),  # the third waits
        ([1.0, 1.0, 6.0], 2, 0.0, 0.0, 7.0),  # the longest comes last
        ([4.0, 4.0], 2, 1.0, 0.0, 6.0),  # handed out one after the other
        ([1.0] * 10, 10, 0.0, 2.0, 21.0),  # all wait for the disk
        ([3.0], 64, 0.5, 0.5, 4.0),
    ],
)
def test_the_queue_is_simulated(work, devices, gap, service, seconds):
    assert scale.simulated(work, devices, gap, service) == pytest.approx(seconds)


def test_what_is_computed_is_near_what_is_simulated_and_names_what_bounds_it():
    for devices, service, bound in ((8, 0.0, "computing"), (64, 0.1, "the shared disk")):
        guess, named = scale.computed([5.0] * 5000, devices, 0.0, service)
        assert named == bound
        assert guess == pytest.approx(scale.simulated([5.0] * 5000, devices, 0.0, service), rel=0.05)


def test_seconds_are_told_in_units():
    assert [scale.told(value) for value in (30.0, 600.0, 20_000.0, 500_000.0)] == [
        "30 s",
        "10 minutes",
        "5.56 hours",
        "5.79 days",
    ]
