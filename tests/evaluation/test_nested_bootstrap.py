"""Intervals over draws and cases hold the true mean as often as they say, and a decided difference is a real one."""

import numpy as np
import pytest

from semivox.evaluation import nested_bootstrap as module
from semivox.evaluation.nested_bootstrap import needed, nested


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch):
    monkeypatch.setattr(module, "RESAMPLES", 1000)


def study(rng, repeats, cases, between, mean=0.0, skewed=False):
    """Differences (R, N): a share of every repeat, one of every case, and what is left."""
    of_case = rng.exponential(size=cases) - 1 if skewed else rng.normal(size=cases)
    return mean + between * rng.normal(size=(repeats, 1)) + of_case + 0.5 * rng.normal(size=(repeats, cases))


def coverage(count, seed, **shape):
    rng = np.random.default_rng(seed)
    found = [nested(study(rng, **shape), seed=index) for index in range(count)]
    return np.mean([one.low <= 0 <= one.high for one in found]), np.mean([one.p_value < 0.05 for one in found])


def test_mean_and_variances_are_those_of_the_table():
    rng = np.random.default_rng(1)
    values = study(rng, 40, 300, 0.6, mean=0.2)
    found = nested(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.low < found.mean < found.high
    assert found.repeat_variance == pytest.approx(0.36, rel=0.35)
    assert found.case_variance == pytest.approx(1.0, rel=0.2)


def test_a_draw_that_was_lucky_is_not_called_a_finding():
    """60 cases that all gain in one draw and lose in the other say nothing; over cases alone they would."""
    rng = np.random.default_rng(2)
    values = np.array([[0.2], [-0.02]]) + rng.normal(0, 0.05, (2, 60))
    found = nested(values)
    assert found.low < 0 < found.high
    alone = values.mean(0)
    assert abs(alone.mean()) / (alone.std() / 60**0.5) > 5
    assert found.p_value > 0.05


@pytest.mark.parametrize(("repeats", "between"), [(2, 0.5), (3, 0.0), (3, 0.5), (5, 0.2)])
def test_intervals_cover(repeats, between):
    covered, false = coverage(250, 3, repeats=repeats, cases=30, between=between)
    assert 0.92 <= covered <= 0.99
    assert false <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize(("repeats", "cases", "between"), [(2, 20, 1.0), (3, 20, 0.3), (3, 60, 0.1), (5, 60, 1.0)])
def test_intervals_cover_93_to_97_percent(repeats, cases, between, skewed):
    covered, _ = coverage(1500, 4, repeats=repeats, cases=cases, between=between, skewed=skewed)
    assert 0.93 <= covered <= 0.98  # where both parts matter the interval is a little wide, never narrow


def test_pure_noise_is_counted_once():
    """No share of any draw or case: the mean of (R, N) values varies by noise / (R N) alone."""
    rng = np.random.default_rng(8)
    found = [nested(rng.normal(size=(4, 20)), seed=index) for index in range(250)]
    assert 0.92 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.985


def test_p_value_and_interval_agree():
    rng = np.random.default_rng(5)
    for mean in np.linspace(0, 1, 12):
        found = nested(study(rng, 3, 30, 0.1, mean=mean))
        if not 0.03 < found.p_value < 0.07:
            assert (found.p_value < 0.05) == (found.low * found.high > 0)


def test_what_is_needed_follows_where_the_doubt_comes_from():
    def found(of_repeats, of_cases, mean=0.2):
        return module.Nested(mean, 0, 0, 0, 3, 20, of_repeats, of_cases)

    assert needed(found(0.0, 1.0), 0.8, 0.05) == (3, 197)  # ((1.96 + 0.84) / 0.2) ** 2 cases
    repeats, cases = needed(found(0.04, 0.001), 0.8, 0.05)
    assert cases == 20
    assert 8 < repeats < 14
    repeats, cases = needed(found(0.04, 1.0), 0.8, 0.05)
    assert repeats > 8
    assert cases > 20
    assert needed(nested(np.array([[1.0, -1.0], [-1.0, 1.0]])), 0.8, 0.05) is None


def test_a_sample_of_the_needed_size_decides_about_as_often_as_promised():
    rng = np.random.default_rng(7)
    true = module.Nested(0.3, 0, 0, 0, 4, 20, repeat_variance=0.0, case_variance=1.0)
    repeats, cases = needed(true, 0.8, 0.05)
    decided = [nested(study(rng, repeats, cases, 0.0, mean=0.3), index).low > 0 for index in range(150)]
    assert 0.68 <= np.mean(decided) <= 0.9


@pytest.mark.parametrize("shape", [(1, 5), (3, 1), (5,)])
def test_one_repeat_or_one_case_has_no_such_interval(shape):
    with pytest.raises(ValueError, match="at least 2"):
        nested(np.zeros(shape))
