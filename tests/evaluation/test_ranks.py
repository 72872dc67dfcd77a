"""Corrections for many comparisons, against textbook numbers."""

import numpy as np
import pytest
from scipy import stats

from semivox.core.errors import InputError
from semivox.evaluation import nested_bootstrap as nested
from semivox.evaluation.ranks import cliques, critical_difference, holm, neighbors, rank, rank_repeats


def test_holm_multiplies_the_smallest_most_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_claims_exactly_what_the_step_down_procedure_claims():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.uniform(0, 0.1, 6)
        rejected = set()
        for place, index in enumerate(np.argsort(p)):  # compare with 0.05 / (number left), stop at the first miss
            if p[index] > 0.05 / (6 - place):
                break
            rejected.add(index)
        assert {index for index, value in enumerate(holm(p)) if value <= 0.05} == rejected


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_the_published_constants(methods, q):
    """Demsar 2006, table 5a."""
    assert critical_difference(methods, 14) == pytest.approx(q * (methods * (methods + 1) / 84) ** 0.5, abs=2e-3)


def test_demsars_example():
    """His 4 classifiers on 14 data sets: mean ranks 3.143, 2.000, 2.893, 1.964; critical difference 1.25 at 0.05."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    groups = cliques(["both", "m", "cf", "none"], [1.964, 2.0, 2.893, 3.143], critical_difference(4, 14))
    assert groups == [("both", "m", "cf", "none")]
    assert cliques(list("abcd"), [1.0, 1.8, 2.9, 4.0], 1.2) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert cliques(list("abcd"), [1.0, 2.0, 3.0, 4.0], 0.5) == []


def test_ranks_follow_the_direction_of_the_score():
    values = np.array([[0.9, 0.8, 0.7]] * 8) + np.linspace(0, 0.05, 8)[:, None]
    best = rank(values, ["a", "b", "c"], higher_is_better=True)
    assert best.names == ("a", "b", "c")
    assert best.ranks == (1.0, 2.0, 3.0)
    assert best.p_value == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)
    assert best.cliques == (("a", "b"), ("b", "c"))  # 1 apart, critical difference 1.17
    assert rank(values, ["a", "b", "c"], higher_is_better=False).names == ("c", "b", "a")


def test_equal_methods_are_one_clique_and_ties_share_ranks():
    found = rank(np.full((9, 4), 0.5), list("abcd"), True)
    assert found.ranks == (2.5,) * 4
    assert found.p_value == 1.0
    assert found.cliques == (tuple("abcd"),)
    with pytest.raises(InputError, match="at least 3"):
        rank(np.zeros((9, 2)), list("ab"), True)


def test_friedman_and_nemenyi_find_a_difference_among_equals_in_at_most_5_percent():
    rng = np.random.default_rng(1)
    found = [rank(rng.normal(size=(20, 5)), list("abcde"), True) for _ in range(400)]
    claims = [len(one.cliques) != 1 or len(one.cliques[0]) != 5 for one in found]
    assert np.mean(claims) <= 0.06


def test_equal_methods_with_lucky_draws_are_told_apart_in_at_most_5_percent(monkeypatch):
    """Each method is lucky in some draws, on all their cases at once: cases alone would tell such methods apart."""
    monkeypatch.setattr(nested, "RESAMPLES", 1000)
    rng, count, told, blind = np.random.default_rng(2), 80, 0, 0
    for _ in range(count):
        values = rng.uniform(0.6, 0.8, (1, 30, 1)) + rng.normal(0, 0.02, (3, 1, 4)) + rng.normal(0, 0.03, (3, 30, 4))
        found = rank_repeats(values, list("abcd"), True)
        told += found.cliques != (found.names,)
        blind += rank(values.mean(0), list("abcd"), True).p_value < 0.05
    assert told <= 0.05 * count + 3
    assert blind > 0.5 * count


@pytest.mark.parametrize("cases", [2, 4, 7])
def test_few_cases_that_agree_by_chance_tell_no_methods_apart(cases, monkeypatch):
    monkeypatch.setattr(nested, "RESAMPLES", 1000)
    rng, told = np.random.default_rng(cases), 0
    for _ in range(50):
        values = rng.uniform(0.6, 0.8, (1, cases, 1)) + rng.normal(0, 0.03, (1, cases, 3))
        found = rank_repeats(values + rng.normal(0, 0.001, (2, cases, 3)), list("abc"), True)
        told += found.cliques != (found.names,)
    assert told <= 0.05 * 50 + 3


def test_over_draws_what_holds_in_all_of_them_is_told_apart():
    rng = np.random.default_rng(3)
    values = rng.uniform(0.6, 0.8, (1, 20, 1)) + np.array([0.0, 0.001, 0.1]) + rng.normal(0, 0.01, (3, 20, 3))
    found = rank_repeats(values, ["a", "b", "best"], True)
    assert found.names[0] == "best"
    assert found.ranks[0] == 1.0
    assert (found.cases, found.repeats, found.critical_difference) == (20, 3, None)
    assert found.p_value < 0.05
    assert found.cliques == (found.names[1:],)
    assert rank_repeats(values, ["a", "b", "worst"], False).names[-1] == "worst"
    with pytest.raises(InputError, match="at least 3"):
        rank_repeats(values[..., :2], ["a", "b"], True)


def test_neighbors_are_joined_only_where_every_pair_is_alike():
    apart = {(0, 3), (1, 2)}
    assert neighbors(4, lambda one, other: (one, other) not in apart) == [(0, 1), (2, 3)]
    assert neighbors(3, lambda one, other: True) == [(0, 2)]
