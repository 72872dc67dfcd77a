"""Whether longer trainings may be better is said from scores of validation scans, never from the training loss."""

from __future__ import annotations

import pytest

from semivox.reports.still_rising import UNKNOWN, still_rising


def rows(scores, steps=400):
    """A training loss that falls to the end, and Dice of validation scans after every so many steps."""
    losses = [{"step": step, "player": "network", "total": 1 - step / steps, "terms": {}} for step in range(steps)]
    every = steps // len(scores) if scores else steps
    scored = [
        {"step": (place + 1) * every - 1, "player": "validation", "dice": dice, "hd95_mm": 4.0}
        for place, dice in enumerate(scores)
    ]
    return sorted([*losses, *scored], key=lambda row: row["step"])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], "was still getting better when it ended (mean Dice of validation"),
        ([0.1, 0.2, 0.7, 0.79, 0.79, 0.79, 0.79, 0.79], "was no longer getting better when it ended: mean Dice"),
        ([0.1, 0.2, 0.7, 0.79, 0.79, 0.79, 0.70, 0.70], "was no longer getting better"),
    ],
)
def test_the_last_quarter_is_compared_with_the_one_before(scores, expected):
    (said,) = still_rising({"mean_teacher": rows(scores)})
    assert said.startswith(f"mean teacher {expected}")
    third, last = sum(scores[4:6]) / 2, sum(scores[6:]) / 2
    assert f"{third:.3f} in the third quarter of its steps and {last:.3f} in the last" in said


@pytest.mark.parametrize("scores", [[], [0.1, 0.2, 0.3, 0.4]])
def test_it_is_not_guessed_from_the_loss_or_from_few_scores(scores):
    assert still_rising({"a": rows(scores), "supervised": rows([])}) == (UNKNOWN,)


def test_of_two_arms_each_that_was_scored_is_told():
    said = still_rising({"supervised": rows([0.1] * 8), "mean_teacher": rows([])})
    assert len(said) == 1
    assert said[0].startswith("supervised")
