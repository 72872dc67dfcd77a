"""The paired comparison: when it says better, worse, or that it cannot tell."""

import numpy as np
import pytest
from scipy import stats

from semivox.core.errors import InputError
from semivox.evaluation.comparison import compare as compare_runs
from semivox.evaluation.score import Row


def compare(a, b, score="dice", names=("A", "B"), seed=0, units=None):
    """Two single runs, as a job has them."""
    return compare_runs({(0, 1): a}, {(0, 1): b}, score, names, seed, units or {})


def cases_needed(result):
    """The number in the sentence on what would decide; None where there is none."""
    numbers = [int(word) for word in result.needed.split() if word.isdigit()]
    return numbers[0] if numbers else None


def row(case, dice=0.5, name="organ", **scores):
    return Row(
        **{
            "case": case, "class_name": name, "dice": dice, "empty": "neither", "prediction_ml": 1.0,
            "reference_ml": 1.0, "diagonal_mm": 100.0, **scores,
        }
    )  # fmt: skip


def table(values, score="dice"):
    return [row(f"case{i:03}", **{score: float(value)}) for i, value in enumerate(values)]


def test_a_clear_gain_is_better_and_its_mirror_worse():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.6, 0.8, 20)
    gain = base + rng.normal(0.03, 0.02, 20)
    result = compare(table(gain), table(base), names=("matching", "supervised"))
    assert result.verdict == "better"
    assert cases_needed(result) is None
    assert result.difference == pytest.approx(np.mean(gain - base))
    assert result.p_value == pytest.approx(stats.wilcoxon(gain - base).pvalue)
    assert result.words.startswith("matching is better than supervised")
    mirrored = compare(table(base), table(gain))
    assert (mirrored.verdict, mirrored.difference) == ("worse", -result.difference)


def test_the_interval_of_the_difference_equals_scipys_bca():
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0.5, 0.9, 30), rng.uniform(0.5, 0.9, 30)
    theirs = stats.bootstrap((a - b,), np.mean, method="BCa", n_resamples=20000, rng=0).confidence_interval
    result = compare(table(a), table(b))
    width = theirs.high - theirs.low
    assert result.low == pytest.approx(theirs.low, abs=0.04 * width)
    assert result.high == pytest.approx(theirs.high, abs=0.04 * width)


def test_of_distances_less_is_better():
    base = np.linspace(4, 9, 12)
    assert compare(table(base - 1.5, "hd95_mm"), table(base, "hd95_mm"), "hd95_mm").verdict == "better"


def test_of_volume_errors_the_smaller_in_size_is_better():
    base = np.linspace(-9, -4, 12)
    closer = np.linspace(-2, 2, 12)
    score = "volume_error_ml"
    assert compare(table(closer, score), table(base, score), score).verdict == "better"


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_fewer_than_6_cases_decide_nothing_however_clear_they_look(n):
    base = np.linspace(0.2, 0.3, n)
    result = compare(table(base + 0.5 + 0.01 * np.arange(n)), table(base))
    assert result.verdict == "inconclusive"
    assert "fewer than 6 cases" in result.words
    assert cases_needed(result) is None if n == 1 else cases_needed(result) >= 6


def test_6_clear_cases_decide():
    base = np.linspace(0.2, 0.3, 6)
    assert compare(table(base + 0.5 + 0.01 * np.arange(6)), table(base)).verdict == "better"


def test_equal_methods_are_inconclusive_and_no_number_of_cases_would_decide():
    values = np.linspace(0.2, 0.9, 12)
    result = compare(table(values), table(values))
    assert (result.verdict, result.difference, result.p_value) == ("inconclusive", 0, 1)
    assert cases_needed(result) is None


def test_one_outlier_against_the_trend_decides_nothing():
    base = np.linspace(0.4, 0.6, 20)
    mostly_worse = base - 0.01 - 0.001 * np.arange(20)
    mostly_worse[0] = base[0] + 0.5
    assert compare(table(mostly_worse), table(base)).verdict == "inconclusive"


def test_the_cases_said_to_decide_do_so_with_power_near_80_percent():
    rng = np.random.default_rng(1)
    pilot = rng.normal(0.01, 0.03, 12)
    pilot = 0.01 + 0.03 * (pilot - pilot.mean()) / pilot.std(ddof=1)
    needed = cases_needed(compare(table(0.5 + pilot), table(np.full(12, 0.5))))
    assert 60 <= needed <= 90  # (2.80 * 3)^2 = 70.6 for a t test, 74 for ranks
    found = [stats.wilcoxon(rng.normal(0.01, 0.03, needed)).pvalue < 0.05 for _ in range(400)]
    assert 0.72 <= np.mean(found) <= 0.88


def test_classes_are_averaged_within_a_case():
    a = [row("one", 0.8, "x"), row("one", 0.6, "y"), row("two", 0.5, "x"), row("two", 0.7, "y")]
    b = [row(item.case, 0.5, item.class_name) for item in reversed(a)]
    result = compare(a, b)
    assert result.cases == 2
    assert result.mean_a == pytest.approx(0.65)
    assert result.difference == pytest.approx(0.15)


def test_a_missed_object_enters_a_distance_with_the_diagonal():
    found = row("one", hd95_mm=3.0)
    missed = row("one", dice=0.0, hd95_mm=None, empty="prediction")
    assert compare([missed], [found], "hd95_mm").mean_a == 100
    with pytest.raises(InputError, match="no case has a value"):
        compare([row("one", hd95_mm=None, empty="prediction", diagonal_mm=None)], [found], "hd95_mm")


def test_what_no_mask_shows_is_left_out_and_counted():
    absent = row("two", dice=None, empty="both")
    result = compare([row("one"), absent], [row("one"), absent])
    assert (result.cases, result.left_out) == (1, 1)


@pytest.mark.parametrize(("score", "right", "wrong"), [("dice", 1.0, 0.0), ("hd95_mm", 0.0, 100.0)])
def test_predicting_nothing_where_there_is_nothing_beats_inventing(score, right, wrong):
    """A method that shows a second organ wherever there is none is never better for a small gain on the first."""
    base = np.linspace(0.7, 0.9, 20) if score == "dice" else np.linspace(3, 5, 20)
    gain = base * (1.01 if score == "dice" else 0.99)
    absent = [row(f"case{i:03}", None, "second", empty="both") for i in range(20)]
    invented = [row(f"case{i:03}", 0.0, "second", empty="reference") for i in range(20)]
    result = compare([*table(gain, score), *invented], [*table(base, score), *absent], score)
    assert (result.verdict, result.cases, result.left_out) == ("worse", 20, 0)
    assert result.mean_a == pytest.approx((gain.mean() + wrong) / 2)
    assert result.mean_b == pytest.approx((base.mean() + right) / 2)


def test_scans_of_a_patient_count_as_one():
    rng = np.random.default_rng(3)
    base = rng.uniform(0.6, 0.8, 20)
    a, b = table(base + rng.normal(0.03, 0.01, 20)), table(base)
    patients = {item.case: f"patient{index // 4}" for index, item in enumerate(a)}
    result = compare(a, b, units=patients)
    assert (result.units, result.cases, result.verdict) == (5, 20, "inconclusive")
    assert "5 patients or scans (20 cases)" in result.words
    assert "fewer than 6 patients or scans" in result.words
    by_patient = [compare(a[i : i + 4], b[i : i + 4]).difference for i in range(0, 20, 4)]
    direct = compare(table(by_patient), table(np.zeros(5)))
    assert (result.low, result.high, result.p_value) == pytest.approx((direct.low, direct.high, direct.p_value))
    assert compare(a, b).verdict == "better"


def test_a_sample_that_nobody_could_collect_is_not_proposed():
    rng = np.random.default_rng(5)
    gain = rng.normal(0, 0.1, 20)
    result = compare(table(0.5 + gain - gain.mean() + 1e-5), table(np.full(20, 0.5)))
    assert "No sample of realistic size" in result.words


def test_tables_of_different_cases_are_refused():
    with pytest.raises(InputError, match="two"):
        compare([row("one"), row("two")], [row("one")])
    with pytest.raises(InputError, match="two rows"):
        compare([row("one"), row("one", 0.3)], [row("one")])
    with pytest.raises(InputError, match="hausdorff"):
        compare([row("one")], [row("one")], "hausdorff")


@pytest.mark.parametrize("n", [8, 60])
def test_no_difference_is_called_one_in_at_most_6_of_100_studies(n):
    rng = np.random.default_rng(11)
    verdicts = []
    for study in range(250):
        a, b = rng.beta(9, 1.5, (2, n))
        verdicts.append(compare(table(a), table(b), seed=study).verdict)
    assert np.mean([verdict != "inconclusive" for verdict in verdicts]) <= 0.06
