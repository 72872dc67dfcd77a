"""Verdicts of a study: over draws, seeds and cases, corrected for their number, false in at most one of twenty."""

import numpy as np
import pytest
from scipy import stats

from semivox.core.errors import InputError
from semivox.evaluation import bootstrap
from semivox.evaluation import nested_bootstrap as nested_module
from semivox.evaluation.comparison import compare, corrected
from semivox.evaluation.score import Row


def rows(values, score="dice"):
    return [
        Row(
            case=f"case{index:03}", class_name="organ", empty="neither", prediction_ml=1.0, reference_ml=1.0,
            diagonal_mm=100.0, **{score: float(value)},
        )
        for index, value in enumerate(values)
    ]  # fmt: skip


def runs(table, score="dice"):
    """(draws, seeds, cases) -> runs."""
    return {(draw, seed): rows(table[draw, seed], score) for draw, seed in np.ndindex(*np.shape(table)[:2])}


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(nested_module, "RESAMPLES", 500)
    monkeypatch.setattr(bootstrap, "RESAMPLES", 500)


def test_over_draws_every_case_counts_once():
    rng = np.random.default_rng(1)
    b = rng.uniform(0.6, 0.8, (3, 2, 20))
    a = b + rng.normal(0.05, 0.03, (3, 2, 20))
    found = compare(runs(a), runs(b), "dice", ("a", "b"))
    assert (found.draws, found.seeds, found.cases) == (3, 2, 20)
    assert found.difference == pytest.approx((a - b).mean())
    assert found.p_value >= stats.wilcoxon((a - b).mean((0, 1))).pvalue
    assert found.verdict == "better"
    assert "over 3 draws" in found.words
    opposite = compare(runs(b), runs(a), "dice", ("b", "a"))
    assert opposite.verdict == "worse"
    assert compare(runs(b, "hd95_mm"), runs(a, "hd95_mm"), "hd95_mm", ("b", "a")).verdict == "better"


def test_a_gain_in_one_of_two_draws_is_inconclusive_and_more_draws_would_decide():
    rng = np.random.default_rng(2)
    b = rng.uniform(0.6, 0.8, (2, 1, 40))
    a = b + np.array([0.08, 0.01])[:, None, None] + rng.normal(0, 0.02, b.shape)
    found = compare(runs(a), runs(b), "dice", ("a", "b"))
    assert found.verdict == "inconclusive"
    assert "draws instead of 2, on the same cases" in found.words


def test_correction_takes_back_what_one_of_many_would_claim():
    base = np.linspace(0.6, 0.8, 12)[None, None]
    gain = np.array([6.1, 5.2, 5, 4.1, 4, 3.2, 3, 2.1, 2, 1, -1.6, -3.1]) / 100
    barely = compare(runs(base + gain), runs(base), "dice", ("a", "b"))
    assert barely.verdict == "better"
    assert 0.003 < barely.p_value < 0.05
    many = corrected([barely] * 20)
    assert {one.verdict for one in many} == {"inconclusive"}
    assert many[0].family == 20


def test_runs_and_cases_that_only_one_has_are_left_out():
    b = np.linspace(0.5, 0.9, 2 * 10).reshape(2, 1, 10)
    a = runs(b + 0.01)
    del a[1, 0]
    found = compare(a, runs(b), "dice", ("a", "b"))
    assert (found.draws, found.seeds) == (1, 1)
    with pytest.raises(InputError, match="no draw and seed in common"):
        compare({(5, 5): rows(b[0, 0])}, runs(b), "dice", ("a", "b"))
    with pytest.raises(InputError, match="not a score"):
        compare(runs(b), runs(b), "dise", ("a", "b"))


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("shape", [(1, 1, 20), (3, 1, 20), (1, 3, 20)])
def test_equal_methods_are_told_apart_in_at_most_5_percent(shape):
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(150):
        base = rng.uniform(0.5, 0.8, shape)
        lucky = rng.normal(0, 0.02, (shape[0], shape[1], 1))
        if max(shape[:2]) == 1:
            lucky = 0.0  # one draw and seed: their luck cannot be seen, and the verdict says that it is for them only
        other = base + lucky + rng.normal(0, 0.03, shape)
        wrong += compare(runs(other), runs(base), "dice", ("a", "b")).verdict != "inconclusive"
    assert wrong <= 0.05 * 150 + 4


def patches(values, score="dice"):
    """(draws, seeds, scans, patches) -> runs, and which scan each patch is of."""
    shape = np.shape(values)
    units = {f"case{index:03}": f"scan{index // shape[3]}" for index in range(shape[2] * shape[3])}
    return runs(np.reshape(values, (*shape[:2], -1)), score), units


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("draws", [1, 3])
def test_patches_of_a_scan_that_gain_together_are_one_observation(draws):
    """20 scans of 6 patches, each scan lucky or not: patch by patch a third of such studies would find something."""
    rng, count, wrong, blind = np.random.default_rng(6), 100, 0, 0
    for study in range(count):
        base = rng.uniform(0.6, 0.8, (draws, 1, 20, 6))
        gain = rng.normal(0, 0.02, (1, 1, 20, 1)) + rng.normal(0, 0.02, base.shape)
        (ours, units), (theirs, _) = patches(base + gain), patches(base)
        wrong += compare(ours, theirs, "dice", ("a", "b"), units=units).verdict != "inconclusive"
        blind += study < 25 and compare(ours, theirs, "dice", ("a", "b")).verdict != "inconclusive"
    assert wrong <= 0.05 * count + 4
    assert blind > 0.15 * 25


def test_scans_are_what_is_counted_and_said():
    rng = np.random.default_rng(7)
    base = rng.uniform(0.6, 0.8, (1, 1, 5, 18))
    (ours, units), (theirs, _) = patches(base + 0.1 + rng.normal(0, 0.01, base.shape)), patches(base)
    found = compare(ours, theirs, "dice", ("a", "b"), units=units)
    assert (found.units, found.cases) == (5, 90)
    assert found.verdict == "inconclusive"  # 5 scans decide nothing, however many their patches
    assert "5 patients or scans (90 cases)" in found.words
    assert "About 6 scored patients or scans instead of 5 would decide" in found.words
    assert compare(ours, theirs, "dice", ("a", "b")).verdict == "better"
    assert found.low <= found.difference <= found.high


def test_scans_weigh_the_same_whatever_the_number_of_their_patches():
    units = {"case000": "one", "case001": "one", "case002": "one"}
    found = compare({(0, 1): rows([0.6, 0.7, 0.8, 0.5])}, {(0, 1): rows([0.5] * 4)}, "dice", ("a", "b"), units=units)
    assert (found.mean_a, found.difference) == (pytest.approx(0.6), pytest.approx(0.1))


def test_an_object_that_only_one_run_invents_counts_in_all_runs_of_both():
    def run(invented):
        true = rows([0.8] * 3)
        empty, dice = ("reference", 0.0) if invented else ("both", None)
        return [*true, true[0].model_copy(update={"class_name": "other", "dice": dice, "empty": empty})]

    found = compare({(0, 1): run(True), (1, 1): run(False)}, {(0, 1): run(False), (1, 1): run(False)}, "dice", "ab")
    assert found.left_out == 0
    assert found.difference == pytest.approx(-1 / 2 / 3 / 2)  # one of two classes, three cases, two draws
    nowhere = compare({(0, 1): run(False)}, {(0, 1): run(False)}, "dice", "ab")
    assert nowhere.left_out == 1
    assert "1 object that neither reference nor prediction shows" in nowhere.words


def test_what_would_decide_is_said_at_the_level_that_the_correction_leaves():
    rng = np.random.default_rng(8)
    gain = rng.normal(0, 0.03, 20)
    gain = 0.01 + 0.03 * (gain - gain.mean()) / gain.std(ddof=1)
    base = np.full((1, 1, 20), 0.5)
    alone = compare(runs(base + gain), runs(base), "dice", ("a", "b"))
    assert "About 74 scored cases" in alone.needed  # pi / 3 ((1.96 + 0.84) 3)^2
    assert "About 130 scored cases" in corrected([alone] * 12)[0].needed  # pi / 3 ((2.87 + 0.84) 3)^2
    drawn = base + gain + np.array([0.01, 0.0, -0.01])[:, None, None]
    drawn = compare(runs(drawn), runs(base.repeat(3, 0)), "dice", ("a", "b"))
    sizes = [
        [int(word) for word in one.needed.split() if word.isdigit()] for one in (drawn, corrected([drawn] * 12)[0])
    ]
    assert sizes[0] < sizes[1]


def test_why_nothing_is_decided_is_said_also_where_the_interval_leaves_0_out():
    rng = np.random.default_rng(3)
    base = rng.uniform(0.6, 0.8, (1, 1, 12))
    gain = rng.normal(0, 0.02, base.shape)
    clear = compare(runs(base + 0.016 + gain - gain.mean()), runs(base), "dice", ("a", "b"))
    assert (clear.verdict, clear.why_open) == ("better", "")
    among = corrected([clear] * 200)[0]
    assert among.verdict == "inconclusive"
    assert among.low > 0
    assert among.why_open.startswith(
        f"the interval leaves 0 out and p = {clear.p_value:.2g}, but corrected for the 200"
    )
    assert f"Not decided: {among.why_open}." in among.words
    asked = {"low": 0.001, "high": 0.02, "p_value": 0.07, "p_holm": 0.07, "verdict": "inconclusive"}
    assert "leaves 0 out, but p = 0.07, and p < 0.05 is asked for" in clear.model_copy(update=asked).why_open
    none = compare(runs(base + gain - gain.mean()), runs(base), "dice", ("a", "b"))
    assert none.why_open == "the 95 % interval of the difference holds 0"
    assert "fewer than 6 cases" in compare(runs(base[..., :5] + 0.1), runs(base[..., :5]), "dice", ("a", "b")).why_open


def test_a_decided_difference_needs_no_sample_and_a_tiny_one_has_none_that_is_realistic():
    base = np.linspace(0.5, 0.8, 20)[None, None]
    clear = compare(runs(base + 0.05 + 0.1 * base), runs(base), "dice", ("a", "b"))
    assert (clear.verdict, clear.needed) == ("better", "")
    rng = np.random.default_rng(9)
    for draws in (1, 3):
        gain = rng.normal(0, 0.1, (draws, 1, 20)) + rng.normal(0, 0.1, (draws, 1, 1)) * (draws > 1)
        gain += 1e-5 - gain.mean()
        tiny = compare(runs(base + gain), runs(base.repeat(draws, 0)), "dice", ("a", "b"))
        assert tiny.needed == "No sample of realistic size would decide a difference as small as this."


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_any_false_claim_among_six_equal_methods_is_made_in_at_most_5_percent():
    rng = np.random.default_rng(5)
    wrong, count = 0, 300
    for _ in range(count):
        base = rng.uniform(0.5, 0.8, (3, 1, 20))
        family = [
            compare(
                runs(base + rng.normal(0, 0.02, (3, 1, 1)) + rng.normal(0, 0.03, base.shape)), runs(base), "dice",
                (f"method {index}", "twin"),
            )
            for index in range(6)
        ]  # fmt: skip
        wrong += any(one.verdict != "inconclusive" for one in corrected(family))
    assert wrong <= 0.05 * count
