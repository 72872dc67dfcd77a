"""The study of suggested labels: its files say which scans, and its table what was measured."""

import json
from pathlib import Path

import pytest

from tests.scripts import loaded

RESULTS = Path(__file__).parents[1] / "results"


@pytest.mark.parametrize(("data", "pool", "test"), [("hippocampus", 140, 60), ("left-atrium", 64, 16)])
def test_a_study_file_names_a_pool_that_holds_no_scored_scan(data, pool, test):
    study = loaded(RESULTS / "suggest.py").Study.of(RESULTS / "grids" / f"suggest-{data}.toml")
    assert (len(study.pool), len(study.test)) == (pool, test)
    assert not set(study.pool) & set(study.test)
    assert study.plan["spacing"] in {(1.0, 1.0, 1.0), (2.5, 2.5, 2.5)}
    assert "steps" not in study.plan


def kept(folder, draw, name, cases):
    place = folder / f"draw-{draw}" / name
    place.mkdir(parents=True)
    (place / "scores.json").write_text(json.dumps({"cases": cases}))


def test_the_table_counts_draws_that_are_done_and_takes_the_other_strategy_from_the_suggested(tmp_path):
    for draw, gain in enumerate((0.01, 0.03)):
        kept(tmp_path, draw, "start", {"a": 0.5, "b": 0.7})
        kept(tmp_path, draw, "scans-random-1", {"a": 0.6, "b": 0.8})
        kept(tmp_path, draw, "scans-suggested-1", {"a": 0.6 + gain, "b": 0.8 + gain})
    kept(tmp_path, 2, "start", {"a": 0.1, "b": 0.1})
    kept(tmp_path, 2, "scans-suggested-1", {"a": 0.9, "b": 0.9})
    lines = loaded(RESULTS / "suggest_table.py").table(tmp_path).splitlines()
    assert lines[2:4] == [
        "| scans | suggested | 2 | 0.600 | 0.720 | 0.720 |",
        "| scans | random | 2 | 0.600 | 0.700 | 0.700 |",
    ]
    unit, what, draws, start, first, mean = (cell.strip() for cell in lines[4].strip("|").split("|"))
    assert (unit, what, draws, start) == ("scans", "suggested less random", "2", "")
    assert first == mean
    assert first.startswith("+0.020 [")
    assert len(lines) == 5


def test_one_draw_has_an_interval_over_its_cases(tmp_path):
    kept(tmp_path, 0, "start", {"a": 0.5, "b": 0.7})
    for strategy, gains in {"suggested": (0.02, 0.04), "aware": (0.0, 0.0), "random": (0.02, 0.04)}.items():
        kept(tmp_path, 0, f"boxes-{strategy}-1", {"a": 0.6 + gains[0], "b": 0.6 + gains[1]})
    lines = loaded(RESULTS / "suggest_table.py").table(tmp_path).splitlines()
    assert lines[4].endswith("| +0.030 [+0.020, +0.040] | +0.030 [+0.020, +0.040] |")
    assert lines[6].endswith("| +0.000 [+0.000, +0.000] | +0.000 [+0.000, +0.000] |")
