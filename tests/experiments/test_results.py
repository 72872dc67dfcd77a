"""Means, comparisons and ranks of a study agree with one another, and count what was drawn at random."""

import json

import numpy as np
import pytest

from semivox.evaluation.score import Row
from semivox.experiments.arms import Arm
from semivox.experiments.collect import collect
from semivox.experiments.groups import Group, RunResult
from semivox.experiments.record import Record, load_record
from semivox.experiments.results import Results, pairs_of
from semivox.reports.pictures import first_curves, rank_words
from semivox.reports.provenance import provenance
from semivox.reports.study import report_study
from tests.experiments import made
from tests.reports.parsed_page import Page

PATIENTS = {case: f"patient {index // 2}" for index, case in enumerate(made.CASES)}


def row(case, dice=None, hd95=None, empty="neither", name="organ"):
    return Row(
        case=case, class_name=name, empty=empty, prediction_ml=1, reference_ml=1, diagonal_mm=100, dice=dice,
        hd95_mm=hd95,
    )  # fmt: skip


def group(runs, name="method", units=None):
    """``runs``: (draw, seed) -> rows."""
    made_up = {
        key: RunResult(folders=(None,), rows_of=(tuple(rows),), costs=(), config=None, plan=None, split=None)
        for key, rows in runs.items()
    }
    return Group(
        "labeled-4", Arm(name=name, method="ua_mt", twin=None if name == "twin" else "twin"), made_up, units or {}
    )


def results(*groups):
    record = Record(study_file=made.study_file(), data="nowhere", files="0")
    return Results(folder=None, record=record, groups=groups, missing=0)


def holds(estimate):
    return estimate.low <= estimate.mean <= estimate.high


def test_a_mean_lies_in_its_interval_whatever_the_number_of_seeds_in_a_draw():
    rng = np.random.default_rng(0)
    levels = {(0, seed): 0.9 for seed in range(6)} | {(1, 1): 0.7, (2, 1): 0.7}
    found = group({
        key: [row(f"c{i}", level + rng.normal(0, 0.005)) for i in range(20)] for key, level in levels.items()
    }).estimate("dice")  # fmt: skip
    assert found.mean == pytest.approx((0.9 + 0.7 + 0.7) / 3, abs=0.005)
    assert holds(found)


def test_what_is_undefined_in_some_runs_leaves_the_interval_to_the_mean_that_counts_it():
    """Ten hard cases are missed in the last draw only: a plain mean over the rest has no interval."""
    rng = np.random.default_rng(1)
    runs = {}
    for draw in range(3):
        easy = [row(f"c{i}", 0.8, 3 + rng.normal(0, 0.5)) for i in range(10)]
        hard = [row(f"c{i}", 0.0, None, "prediction") if draw == 2 else row(f"c{i}", 0.8, 20.0) for i in range(10, 20)]
        runs[draw, 1] = [*easy, *hard]
    found = group(runs).estimate("hd95_mm")
    assert (found.low, found.high, found.undefined) == (None, None, 10)
    assert found.penalized == pytest.approx((20 * 11.5 * 2 + 10 * 3 + 10 * 100) / 60, abs=0.3)
    assert found.penalized_low <= found.penalized <= found.penalized_high
    assert holds(group(runs).estimate("dice"))


def test_dots_diamond_and_ranks_take_an_invented_object_alike():
    rng = np.random.default_rng(2)
    ours, theirs, third = [], [], []
    for i in range(20):
        base = 0.8 + rng.normal(0, 0.02)
        for rows, gain in ((ours, 0.01), (theirs, 0.0), (third, -0.01)):
            rows.append(row(f"c{i}", base + gain))
            invents = rows is ours
            rows.append(row(f"c{i}", 0.0 if invents else None, None, "reference" if invents else "both", "other"))
    method, twin = group({(0, 1): ours}), group({(0, 1): theirs}, "twin")
    study = results(twin, method, group({(0, 1): third}, "third"))
    found = study.comparisons("labeled-4", "dice")["method"]
    assert found.verdict == "worse"
    assert found.left_out == 0
    assert np.mean(list(pairs_of(method, twin, "dice").values())) == pytest.approx(found.difference)
    assert study.ranking("labeled-4", "dice").names == ("twin", "third", "method")


def test_patients_are_what_every_number_of_a_study_counts(tmp_path):
    folder = made.study(tmp_path / "study", made.study_file(cases={"labeled": [4], "test": 12}))
    load_record(folder).model_copy(update={"groups": PATIENTS}).save_in(folder)
    study = collect(folder)
    method, twin = study.of("labeled-4")[1], study.of("labeled-4")[0]
    found = study.comparisons("labeled-4", "dice")["mean_teacher"]
    assert (found.units, found.cases) == (6, 12)
    assert "6 patients or scans (12 cases)" in found.words
    dots = pairs_of(method, twin, "dice")
    assert list(dots) == sorted(set(PATIENTS.values()))
    assert np.mean(list(dots.values())) == pytest.approx(found.difference)
    assert study.ranking("labeled-4", "dice").cases == 6
    assert provenance(method, study)["patients or scans"] == "6"
    values = [row.dice for row in method.runs[0, 1].rows]
    estimate = method.estimate("dice")
    assert estimate.mean == pytest.approx(np.mean(values))
    assert holds(estimate)
    single = Group(method.labeled_set, method.arm, method.runs).estimate("dice")
    assert (estimate.low, estimate.high) != (single.low, single.high)


def test_ranks_say_in_which_runs_they_hold(tmp_path):
    folder = made.study(tmp_path / "study", skip=[f"labeled-8/draw-{draw}/seed-1/ua_mt" for draw in (1, 2)])
    study = collect(folder)
    several, one = study.ranking("labeled-4", "dice"), study.ranking("labeled-8", "dice")
    assert (several.repeats, one.repeats) == (3, 1)
    words = rank_words(several, study, "labeled-4")
    assert "Runs: draw 0, seed 1; draw 1, seed 1; draw 2, seed 1." in words
    words = rank_words(one, study, "labeled-8")
    assert "the 1 that every method has, of up to 3): draw 0, seed 1." in words
    assert "Nothing is said of other draws of the labeled cases, nor of other seeds." in words


@pytest.mark.usefixtures("undrawn")
def test_a_labeled_set_with_ablations_alone_does_not_stop_the_report(tmp_path):
    asked = made.study_file(
        methods=("ua_mt",),
        cases={"labeled": [4, 8], "test": 12},
        method={"ua_mt": {"ablations": ["one pass"], "only_ablations": True}},
    )
    folder = made.study(tmp_path / "study", asked, skip=["labeled-8/draw-0/seed-1/supervised"])
    report_study(folder)
    assert first_curves(collect(folder))[1] == "labeled-4, draw 0, seed 1."
    alone = made.study(tmp_path / "alone", asked, skip=[f"labeled-{n}/draw-0/seed-1/supervised" for n in (4, 8)])
    report_study(alone)
    assert first_curves(collect(alone)) == ((), "")


@pytest.mark.usefixtures("undrawn")
def test_what_cannot_be_compared_is_a_warning(tmp_path):
    folder = made.study(tmp_path / "study", made.study_file(cases={"labeled": [4], "test": 12}, method={}))
    path = folder / "labeled-4/draw-0/seed-1/mean_teacher/scores.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for one in content["rows"]:
        one.update(empty="both", dice=None, hd95_mm=None)
    path.write_text(json.dumps(content), encoding="utf-8")
    twin = folder / "labeled-4/draw-0/seed-1/supervised/scores.json"
    twin.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    page = Page(report_study(folder).read_text(encoding="utf-8"))
    assert "mean_teacher is not compared by Dice: no case has a value of dice" in page.text
    assert set(collect(folder).comparisons("labeled-4", "dice")) == {"ua_mt"}


def test_every_difference_of_how_runs_were_made_is_told(tmp_path):
    folder = made.study(tmp_path / "study", made.study_file(cases={"labeled": [4], "draws": 2, "test": 12}))
    for draw, version in ((0, "0.1.0"), (1, "0.2.0")):
        run = folder / f"labeled-4/draw-{draw}/seed-1/ua_mt"
        sessions = [{"packages": {"semivox": "0.1.0"}}, {"packages": {"semivox": version}}]
        (run / "environment.json").write_text(json.dumps(sessions), encoding="utf-8")
    study = collect(folder)
    about = provenance(study.of("labeled-4")[2], study)
    assert about["semivox"] == "0.1.0, 0.2.0"
    assert (about["precision"], about["augmentation"]) == ("32-true", "standard")
    assert (
        about["patches per step"] == f"{made.PLAN.labeled_per_step} labeled, {made.PLAN.unlabeled_per_step} unlabeled"
    )
    assert about["plan"] == made.PLAN.run_digest()
    other = made.PLAN.model_copy(update={"steps": 11})
    assert other.run_digest() != about["plan"]
    assert made.PLAN.model_copy(update={"reasons": {}}).run_digest() == about["plan"]
    other.save(folder / "labeled-4/draw-1/seed-1/ua_mt/plan.json")
    study = collect(folder)
    about = provenance(study.of("labeled-4")[2], study)
    assert (about["steps"], about["plan"]) == ("10, 11", f"{made.PLAN.run_digest()}, {other.run_digest()}")
