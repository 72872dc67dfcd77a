"""Durations in words, and what a training is expected to take."""

from __future__ import annotations

from semivox.core.plan import Forecast

NOTEWORTHY = 1.3
"""How many times longer something must take on the machine as busy as it is, for that to matter."""


def duration(seconds: float) -> str:
    """``40 s``, ``25 min`` or ``1 h 14 min``.

    >>> duration(40), duration(1500), duration(10_000)
    ('40 s', '25 min', '2 h 47 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def expected(forecast: Forecast, steps: float) -> str:
    """How long so many steps will take, a range where other programs use the machine.

    ``steps``: one after the other; of trainings side by side, those of the longest queue.
    """
    quiet, alone = forecast.seconds_per_step, forecast.seconds(1) * steps
    least, most = duration(alone), duration(alone * (forecast.busy_seconds_per_step or quiet) / quiet)
    alone_at_most = f"{least} or less" if forecast.or_less else least
    if least == most:
        return alone_at_most
    return f"{alone_at_most} on a quiet machine, up to {most} while other programs use this one as they do now"


def busy_if_noteworthy(quiet: float, busy: float) -> float | None:
    """Seconds of a step on the busy machine where they are worth a word."""
    return round(busy, 4) if busy > NOTEWORTHY * quiet else None
