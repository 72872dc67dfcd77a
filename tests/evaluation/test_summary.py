"""Summaries: means over defined values, what is undefined, and the diagonal in its place."""

import numpy as np
import pytest

from semivox.evaluation.bootstrap import mean_interval
from semivox.evaluation.metrics import METRICS
from semivox.evaluation.score import Row
from semivox.evaluation.summary import summarize, summary_text


def row(case, name, dice, hd95, empty="neither", diagonal=100.0):
    return Row(
        case=case, class_name=name, dice=dice, hd95_mm=hd95, empty=empty, prediction_ml=1, reference_ml=1,
        diagonal_mm=diagonal,
    )  # fmt: skip


ROWS = [
    row("a", "head", 0.8, 2.0),
    row("a", "tail", 0.6, 4.0),
    row("b", "head", 0.9, 1.0),
    row("b", "tail", 0.0, None, "prediction", 50.0),
    row("c", "head", 0.7, 3.0),
    row("c", "tail", None, None, "both"),
]


def test_means_are_over_defined_values_and_the_rest_is_counted():
    summary = summarize(ROWS)
    tail = summary.classes["tail"]
    assert tail["dice"].mean == pytest.approx(0.3)
    assert (tail["dice"].defined, tail["dice"].undefined, tail["dice"].not_applicable) == (2, 0, 1)
    assert tail["hd95_mm"].mean == 4
    assert (tail["hd95_mm"].defined, tail["hd95_mm"].undefined, tail["hd95_mm"].not_applicable) == (1, 1, 1)
    assert summary.empty["tail"] == {"neither": 1, "prediction": 1, "both": 1}
    assert summary.cases == 3


def test_the_diagonal_stands_in_for_a_missed_object_only():
    summary = summarize(ROWS)
    assert summary.classes["tail"]["hd95_mm"].mean_with_diagonal == pytest.approx((4 + 50) / 2)
    assert summary.classes["head"]["hd95_mm"].mean_with_diagonal == 2
    assert summary.classes["tail"]["dice"].mean_with_diagonal is None
    unknown = [*ROWS[:3], row("b", "tail", 0.0, None, "prediction", None)]
    assert summarize(unknown).classes["tail"]["hd95_mm"].mean_with_diagonal is None


def test_the_overall_mean_is_the_mean_of_the_classes():
    summary = summarize(ROWS)
    assert summary.overall["dice"].mean == pytest.approx((0.8 + 0.3) / 2)
    assert summary.overall["hd95_mm"].mean == pytest.approx((2 + 4) / 2)
    assert summary.overall["dice"].defined == 5


def test_the_interval_is_that_of_the_cases():
    values = np.random.default_rng(0).uniform(0.5, 0.9, 20)
    rows = [row(f"{index}", "organ", float(value), 1.0) for index, value in enumerate(values)]
    statistic = summarize(rows, seed=3).classes["organ"]["dice"]
    interval = mean_interval(values, seed=3)
    assert (statistic.low, statistic.high) == (interval.low, interval.high)
    assert summarize(rows, seed=3).overall["dice"] == statistic


def test_one_case_has_a_mean_and_no_interval():
    statistic = summarize(ROWS[:1]).overall["dice"]
    assert (statistic.mean, statistic.low, statistic.high) == (0.8, None, None)
    assert "0.800" in summary_text(ROWS[:1])


def test_a_class_without_any_value_has_no_mean():
    summary = summarize([row("a", "rare", None, None, "both"), row("b", "rare", None, None, "both")])
    assert all(summary.classes["rare"][score].mean is None for score in METRICS)
    assert summary.overall["hd95_mm"].mean_with_diagonal is None


def test_the_text_shows_each_class_and_says_what_the_means_leave_out():
    text = summary_text(ROWS)
    lines = text.splitlines()
    assert lines[0].startswith("3 cases")
    assert lines[1].split() == ["class", "dice", "jaccard", "hd95_mm", "assd_mm", "nsd_1mm", "volume_error_ml"]
    assert lines[2].startswith("head")
    assert "0.800 [" in lines[2]
    assert lines[4].startswith("mean of classes")
    assert "tail: missed altogether in 1 of 3 cases" in text
    assert "tail: hd95_mm is 27.000 with the scan's diagonal" in text
    assert "tail: neither predicted nor drawn in 1 of 3 cases" in text


def test_scans_of_a_patient_are_averaged_before_means_and_intervals():
    rng = np.random.default_rng(1)
    values = rng.uniform(0.5, 0.9, 12)
    rows = [row(f"{index:02}", "organ", float(value), 1.0) for index, value in enumerate(values)]
    sizes = [1, 1, 2, 3, 5]
    patients = np.repeat(np.arange(5), sizes)
    units = {item.case: f"patient {patient}" for item, patient in zip(rows, patients)}
    summary = summarize(rows, units=units)
    means = np.array([values[patients == patient].mean() for patient in range(5)])
    found, expected = summary.classes["organ"]["dice"], mean_interval(means)
    assert (summary.cases, summary.units) == (12, 5)
    assert found.mean == pytest.approx(means.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.low <= found.mean <= found.high
    assert (found.defined, summarize(rows).units) == (12, None)
