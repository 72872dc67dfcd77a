"""Whether the model that a job chose may be used, by what its summary warns of."""

from __future__ import annotations

from semivox.experiments.summary import Summary


def unfitness(summary: Summary) -> str:
    """Why the model that the job chose must not be used; empty where nothing speaks against it."""
    own = f"{summary.chosen}: "
    reasons = [
        warning.split(own, 1)[1]
        for warning in summary.warnings
        if own in warning and ("hardly found" in warning or "vanished" in warning or "failed" in warning)
    ]
    if not summary.arms:
        reasons.append("No scan could be scored, so it is not known how good this model is.")
    return "; ".join(reason.rstrip(".") for reason in reasons) + ("." if reasons else "")
