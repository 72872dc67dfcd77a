"""The curve over the rounds that a job's page shows."""

import numpy as np
import pytest

from semivox.reports import figures
from semivox.reports.rounds import _drawn
from semivox.rounds.gain import Curve


def drawn(monkeypatch, curve):
    """The points of the figure, and the picture's caption."""
    seen = {}
    draw = figures.learning_curves
    monkeypatch.setattr(
        figures, "learning_curves", lambda curves, heading: seen.update(curves) or draw(curves, heading)
    )
    picture = _drawn(curve)
    assert picture.png.startswith(b"\x89PNG")
    return seen["better model"], picture.caption


def test_each_round_stands_at_its_labels_with_the_interval_of_its_mean(monkeypatch):
    dice = np.array([[0.5, 0.7, 0.6, 0.4], [0.7, 0.9, 0.8, 0.8]])
    points, caption = drawn(monkeypatch, Curve((4, 8), dice, ("supervised", "mean_teacher")))
    assert [point.labeled for point in points] == [4, 8]
    assert [point.mean for point in points] == pytest.approx([0.55, 0.8])
    for point, values in zip(points, dice):
        assert values.min() <= point.low < point.mean < point.high <= values.max()
    assert "95 % intervals over the scored scans" in caption


def test_one_scored_scan_has_a_curve_without_interval_and_none_has_no_curve(monkeypatch):
    points, caption = drawn(monkeypatch, Curve((4, 8), np.array([[0.5], [0.6]]), ("supervised",) * 2))
    assert [(point.low, point.high) for point in points] == [(None, None)] * 2
    assert "of one scored scan" in caption
    assert _drawn(Curve((4, 8), np.empty((2, 0)), ("supervised",) * 2)) is None
