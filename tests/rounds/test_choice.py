"""What is chosen: a random part, then the most uncertain scans or boxes, that differ; the same for the same seed."""

import numpy as np
import pytest

from semivox.core.randomness import generator
from semivox.rounds.acquisition import Box
from semivox.rounds.choice import by_groups, random_count, random_scans, uncertain_boxes, uncertain_scans
from semivox.rounds.likeness import clusters, standardized
from semivox.rounds.measured import Measured, measured
from semivox.rounds.random_boxes import random_box

GREEDY = 1e6


def scan(index, scores, patient=None):
    """A scan with one box for each score."""
    boxes = tuple(((Box((0, 0, 0), (2, 2, 2)), score), (Box((4, 0, 0), (2, 2, 2)), score / 2)) for score in scores)
    return Measured(f"s{index}", patient or f"p{index}", boxes, np.array([float(index)]))


def points(pool):
    return np.array([each.description for each in pool])


def test_a_third_of_the_budget_is_random():
    assert [random_count(n) for n in (1, 2, 3, 5, 12, 30)] == [1, 1, 1, 2, 4, 10]


def test_the_most_uncertain_scans_are_chosen_by_class_first():
    pool = [scan(i, (0.1, 0.1, 0.1)) for i in range(6)]
    pool[1], pool[4], pool[5] = scan(1, (0.1, 0.9, 0.1)), scan(4, (0.1, 0.1, 0.9)), scan(5, (0.9, 0.1, 0.1))
    picks = uncertain_scans(pool, 4, GREEDY, points(pool), generator(1))
    assert {pick.case for pick in picks[:2]} == {"s1", "s4"}
    assert "s5" in {pick.case for pick in picks}
    by_case = {pick.case: pick for pick in picks}
    assert (by_case["s1"].how, by_case["s1"].score, by_case["s1"].rank, by_case["s1"].among) == ("class", 1, 1, 6)


def test_no_patient_is_chosen_twice_while_there_are_others():
    pool = [scan(i, (1.0 + i / 10, 1.0), f"p{i // 2}") for i in range(6)]
    picks = uncertain_scans(pool, 3, GREEDY, points(pool), generator(1))
    assert len({int(pick.case[1:]) // 2 for pick in picks}) == 3
    names = [each.case for each in pool]
    drawn = random_scans(names, [each.patient for each in pool], 3, generator(2))
    assert len({int(name[1:]) // 2 for name in drawn}) == 3


def test_alike_scans_are_not_chosen_together():
    pool = [scan(i, (1.0,)) for i in range(8)]
    where = np.array([[0.0], [0.01], [0.02], [0.03], [50.0], [100.0], [150.0], [150.1]])
    for seed in range(5):
        picks = uncertain_scans(pool, 2, GREEDY, where, generator(seed))
        assert sum(int(pick.case[1:]) < 4 for pick in picks) <= 1


def test_random_scans_go_in_turn():
    names = list("abcd")
    assert sorted(random_scans(names, names, 4, generator(1))) == names
    assert sorted(random_scans(names, names, 8, generator(1))) == sorted(names * 2)
    assert random_scans([], [], 3, generator(1)) == []


def test_boxes_never_overlap_what_is_labeled_and_scans_give_few():
    pool = [scan(i, (1.0, 0.5)) for i in range(3)]
    taken = [("s0", Box((1, 1, 1), (2, 2, 2)))]
    picks = uncertain_boxes(pool, 20, GREEDY, taken, generator(1))
    assert all(not pick.box.overlaps(taken[0][1]) for pick in picks if pick.case == "s0")
    assert len(picks) == 5  # two places in each of the others, one in s0
    assert len({(pick.case, pick.box) for pick in picks}) == 5


def test_a_class_that_has_no_free_box_left_gives_its_share_to_the_others():
    one, three = Box((0, 0, 0), (2, 2, 2)), [(Box((x, 0, 0), (2, 2, 2)), 1.0) for x in (4, 8, 12)]
    pool = [Measured(f"s{i}", f"p{i}", (tuple(three), ((one, 1.0),)), np.zeros(1)) for i in range(3)]
    picks = uncertain_boxes(pool, 9, GREEDY, (), generator(1))  # six of them by the class, which has three
    assert len(picks) == 9
    assert [pick.how for pick in picks].count("class") == 3
    assert all(pick.among == (3 if pick.how == "class" else 9) for pick in picks)


def test_the_same_seed_gives_the_same_choice():
    pool = [scan(i, (1.0 + i, 0.5)) for i in range(9)]
    a, b = (uncertain_scans(pool, 4, 1.0, points(pool), generator(3)) for _ in range(2))
    assert a == b


def test_without_a_model_every_kind_of_scan_is_there():
    where = np.array([[0.0], [0.1], [10.0], [10.1], [10.2], [20.0]])
    names = [f"s{index}" for index in range(6)]
    for seed in range(5):
        picks = by_groups(where, names, 3, generator(seed))
        assert {round(float(where[int(pick.case[1:])][0]) / 10) for pick in picks} == {0, 1, 2}
    assert len(by_groups(where, names, 20, generator(1))) == 6


def test_clusters_of_scans_that_are_all_alike():
    assert set(clusters(np.ones((5, 3)), 2, generator(1))) == {0}
    assert np.isfinite(standardized(np.ones((4, 3 + 5 + 125)))).all()


def test_random_boxes_follow_the_structures_more_often_than_chance():
    classes = np.zeros((40, 40, 40), np.uint8)
    classes[30:34, 30:34, 30:34] = 1

    def hits(aware):
        boxes = [random_box(classes, (6, 6, 6), generator(9, index), (), aware) for index in range(300)]
        return np.mean([classes[box.slices].any() for box in boxes])

    assert hits(False) < 0.1
    assert hits(True) == pytest.approx(1 / 3, abs=0.1)


def test_a_random_box_in_a_scan_that_is_full_is_none():
    assert random_box(np.zeros((6, 6, 6), np.uint8), (6, 6, 6), generator(1), [Box((0, 0, 0), (6, 6, 6))]) is None


def test_a_prediction_is_measured_by_its_uncertain_boxes():
    p = np.full((2, 12, 12, 12), 0.5)
    p[0] = 0.999
    p[0, :4, :4, :4] = 0.5
    p[1] = 1 - p[0]
    found = measured("a", "a", p, (4, 4, 4), np.zeros(1), 2)
    assert found.boxes[0][0][0] == Box((0, 0, 0), (4, 4, 4))
    assert found.boxes[0][0][1] == pytest.approx(np.log(2), abs=1e-6)
    assert found.scores.shape == (2,)
