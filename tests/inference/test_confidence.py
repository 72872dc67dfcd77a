"""Predicted Dice: golden numbers, an interval that covers, and an error that is measured on scans left out."""

from __future__ import annotations

import numpy as np
import pytest

from semivox.inference.confidence import Calibration, ClassCalibration, agreement, calibration, expected_dice


def test_expected_dice_is_that_of_voxels_drawn_by_their_probabilities() -> None:
    p, mask = np.array([0.9, 0.8, 0.6, 0.4, 0.1]), np.array([1, 1, 1, 0, 0])
    found = expected_dice(np.array([(p * mask).sum()]), np.array([p.sum()]), np.array([mask.sum()]))
    assert found[0] == pytest.approx(2 * 2.3 / (2.8 + 3))


def test_a_class_that_is_predicted_nowhere_has_no_expected_dice() -> None:
    assert expected_dice(np.array([0.0]), np.array([0.3]), np.array([0])) == (None,)


def test_agreement_is_the_mean_dice_of_all_pairs() -> None:
    a, b, c = np.array([1, 1, 0, 2]), np.array([1, 1, 1, 0]), np.array([0, 1, 1, 0])
    pairs = (2 * 2 / 5, 2 * 1 / 4, 2 * 2 / 5)
    assert agreement([a, b, c], [1, 2, 3]) == (pytest.approx(np.mean(pairs)), 0.0, None)


def test_agreement_needs_two_maps() -> None:
    with pytest.raises(ValueError, match="at least two"):
        agreement([np.zeros(3)], [1])


def test_a_line_through_held_out_scans_turns_estimates_into_dice() -> None:
    estimates = np.linspace(0.7, 0.95, 11)
    known = ClassCalibration(estimates=tuple(estimates), dice=tuple(2 * estimates - 1))
    assert known.predicted(0.8).dice == pytest.approx(0.6)
    assert known.error == pytest.approx(0.0, abs=1e-9)
    assert known.blind_error is not None
    assert known.blind_error > 0.1


def test_an_estimate_that_falls_with_dice_is_not_believed() -> None:
    known = ClassCalibration(estimates=(0.9, 0.8, 0.7, 0.6, 0.5), dice=(0.5, 0.6, 0.7, 0.8, 0.9))
    assert known.predicted(0.95).dice == pytest.approx(0.7)


def test_few_scans_shift_the_estimate_and_give_no_interval() -> None:
    known = ClassCalibration(estimates=(0.9, 0.8), dice=(0.8, 0.7))
    assert known.predicted(0.5) == (pytest.approx(0.4), None, None)


def test_four_scans_shift_the_estimate_by_their_mean_error_whatever_their_slope() -> None:
    known = ClassCalibration(estimates=(0.6, 0.7, 0.8, 0.9), dice=(0.3, 0.5, 0.7, 0.9))
    assert known.predicted(0.5).dice == pytest.approx(0.5 - 0.15)


def test_what_is_predicted_is_a_dice_and_so_are_the_ends_of_its_interval() -> None:
    estimates = np.linspace(0.7, 0.95, 11)
    known = ClassCalibration(estimates=tuple(estimates), dice=tuple(3 * estimates - 1.95 + 0.1 * (-1) ** np.arange(11)))
    low, high = known.predicted(0.5), known.predicted(1.0)
    assert (low.dice, low.lower, high.dice, high.upper) == (0.0, 0.0, 1.0, 1.0)


def test_who_says_the_mean_of_the_others_is_off_by_the_mean_of_the_others() -> None:
    known = ClassCalibration(estimates=(0.9, 0.8, 0.7), dice=(0.9, 0.6, 0.3))
    assert known.blind_error == pytest.approx((0.45 + 0.0 + 0.45) / 3)


def test_the_interval_covers_nine_in_ten_new_scans() -> None:
    stream = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        x = stream.uniform(0.6, 0.95, 20)
        y = np.clip(1.2 * x - 0.3 + stream.normal(0, 0.05, 20), 0, 1)
        known = ClassCalibration(estimates=tuple(x[1:]), dice=tuple(y[1:]))
        _, lower, upper = known.predicted(float(x[0]))
        assert lower is not None
        assert upper is not None
        covered.append(lower <= y[0] <= upper)
    assert 0.86 < np.mean(covered) < 0.97


def test_the_error_is_that_of_scans_left_out() -> None:
    x, y = (0.9, 0.8, 0.7, 0.6, 0.5, 0.95), (0.8, 0.75, 0.6, 0.5, 0.45, 0.2)
    known = ClassCalibration(estimates=x, dice=y)
    left_out = []
    for index in range(6):
        others = ClassCalibration(estimates=x[:index] + x[index + 1 :], dice=y[:index] + y[index + 1 :])
        left_out.append(abs(others.predicted(x[index]).dice - y[index]))
    assert known.error == pytest.approx(np.mean(left_out))


def test_what_says_no_more_than_the_mean_is_told_so(tmp_path):
    known = calibration({"liver": [(0.9, 0.5), (0.8, 0.8), (0.85, 0.4), (0.7, 0.9), (0.6, 0.6)], "spleen": []}, "test")
    assert list(known.classes) == ["liver"]
    assert "no more than the mean" in known.text()
    assert "5 held-out scans (test)" in known.text()
    known.save(tmp_path / "confidence.json")
    assert Calibration.load(tmp_path / "confidence.json") == known
    assert known.predicted("kidney", 0.9) is None
