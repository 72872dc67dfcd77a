"""Intervals of a mean: against scipy's bootstrap, and whether they hold what they promise."""

import numpy as np
import pytest
from scipy import stats

from semivox.evaluation.bootstrap import grouped_mean, mean_interval


def skewed(n, seed=0):
    return np.random.default_rng(seed).beta(9, 1.5, n)


@pytest.mark.parametrize("kind", ["bca", "percentile"])
@pytest.mark.parametrize("n", [8, 25, 60])
def test_intervals_equal_those_of_scipy(kind, n):
    values = skewed(n)
    method = {"bca": "BCa", "percentile": "percentile"}[kind]
    theirs = stats.bootstrap((values,), np.mean, method=method, n_resamples=40000, rng=1).confidence_interval
    ours = mean_interval(values, kind, resamples=40000)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.02 * width)


def test_bca_leans_toward_the_long_tail_and_the_percentile_interval_less():
    values = 1 - np.random.default_rng(3).exponential(0.1, 15)
    corrected, plain = mean_interval(values), mean_interval(values, "percentile")
    assert corrected.low < plain.low


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly_so():
    values = skewed(30)
    assert mean_interval(values, seed=5) == mean_interval(values, seed=5)
    first, second = mean_interval(values, seed=5), mean_interval(values, seed=6)
    assert first != second
    assert first.low == pytest.approx(second.low, abs=0.005)


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval(np.full(7, 0.1))
    assert interval.low == pytest.approx(0.1)
    assert interval.high == pytest.approx(0.1)


def test_fewer_than_two_cases_have_no_interval():
    assert mean_interval(np.array([0.5])) is None
    assert mean_interval(np.array([])) is None
    assert mean_interval(np.array([0.5, np.nan])) is None


def test_undefined_values_are_left_out():
    values = skewed(20)
    assert mean_interval(np.append(values, [np.nan] * 4)) == mean_interval(values)


def test_the_mean_over_classes_weighs_classes_not_values():
    values = np.array([[1.0, 0.0], [1.0, np.nan], [1.0, np.nan]])
    assert grouped_mean(values, np.ones((1, 3))) == pytest.approx([0.5])
    assert grouped_mean(values, np.array([[0.0, 2.0, 1.0]])) == pytest.approx([1.0])
    assert np.isnan(grouped_mean(values, np.zeros((1, 3)))).all()


def test_cases_are_resampled_whole():
    """Two classes that cancel in each case: the mean over classes does not vary, whatever is drawn."""
    first = np.random.default_rng(0).normal(size=20)
    interval = mean_interval(np.stack([first, -first], 1))
    assert interval.low == pytest.approx(0, abs=1e-12)
    assert interval.high == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", ["bca", "percentile"])
def test_95_percent_intervals_of_60_cases_hold_the_mean_in_92_to_98_of_100_studies(kind):
    studies = 600
    samples = np.random.default_rng(7).beta(9, 1.5, (studies, 60))
    intervals = [mean_interval(values, kind, resamples=1000, seed=i) for i, values in enumerate(samples)]
    held = np.mean([interval.low <= 9 / 10.5 <= interval.high for interval in intervals])
    assert 0.92 <= held <= 0.98
