"""Whether the model that a job chose may be used, by what its summary warns of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semivox.experiments.summary import Summary


UNFIT = "; this model is unfit for use"
"""What a warning adds that stands alone."""


def unfitness(summary: Summary) -> str:
    """Why the model that the job chose must not be used; empty where nothing speaks against it."""
    said = [own.match(warning) for own in _told_of(summary.chosen) for warning in summary.warnings]
    reasons = list(dict.fromkeys(found["reason"].rstrip(".").removesuffix(UNFIT) for found in said if found))
    if not summary.arms:
        reasons.append("No scan could be scored, so it is not known how good this model is.")
    return "; ".join(reason.rstrip(".") for reason in reasons) + ("." if reasons else "")


def says_unfit(summary: Summary, warning: str) -> bool:
    """Whether a warning is a reason not to use the model that the job chose."""
    return any(own.match(warning) for own in _told_of(summary.chosen))


def _told_of(arm: str) -> tuple[re.Pattern[str], ...]:
    """What ``health`` says of the scores of an arm, and of its trainings (``folds/2/arm, step 8: ...``)."""
    name = re.escape(arm)
    return (
        re.compile(rf"(?:[^:]*, )?{name}: (?P<reason>.*(?:hardly found|failed).*)"),
        re.compile(rf"(?:[^:]*/)?{name}, step \d+[^:]*: (?P<reason>.* has vanished.*)"),
    )
