"""What further labels may bring: the line through the rounds, its interval, and "unknown" where there is none."""

import numpy as np
import pytest

from semivox.rounds.gain import Curve, expected_gain, gain_text


def test_a_curve_that_grows_with_the_logarithm_goes_on():
    labeled = (4, 8, 16)
    dice = np.array([[0.7 + 0.02 * step + 0.01 * case for case in range(5)] for step in range(3)])
    gain = expected_gain(Curve(labeled, dice), 16)
    assert gain.mean == pytest.approx(0.02)  # the labels double once more
    assert (gain.low, gain.high) == (pytest.approx(0.02), pytest.approx(0.02))


def test_the_interval_is_wide_where_scans_disagree():
    stream = np.random.default_rng(2)
    slopes = stream.normal(0.0, 0.02, 30)
    dice = np.array([0.7 + slopes * step for step in range(3)])
    gain = expected_gain(Curve((4, 8, 16), dice), 16)
    assert gain.low < 0 < gain.high
    assert gain.low < gain.mean < gain.high


@pytest.mark.parametrize(
    "curve",
    [Curve((4, 8), np.ones((2, 9))), Curve((4, 8, 12), np.ones((3, 0))), Curve((4, 4, 8), np.ones((3, 9)))],
)
def test_unknown_is_an_answer(curve):
    assert expected_gain(curve, 4) is None
    assert "unknown" in gain_text(None, 4)
