"""The model that a job is for: one folder, ``model/``, of the chosen run or of the average of all folds of its arm."""

from __future__ import annotations

from pathlib import Path

from semivox.experiments.summary import MODEL, Summary
from semivox.inference.confidence import FILE
from semivox.inference.confidence_table import calibration_of
from semivox.training.ensemble import gather


def gather_model(job: Path, summary: Summary) -> None:
    """Write ``model/`` of a job, or leave it where it is right. Raises InputError where a run's model is gone."""
    runs = [job / name for name in summary.members] or [job / summary.chosen]
    gather(job / MODEL, {_name(run, job): run for run in runs})
    known = calibration_of(job / summary.chosen)
    if known is not None and not summary.members:  # an average is less sure than its members, on whom it was measured
        known.save(job / MODEL / FILE)


def _name(run: Path, job: Path) -> str:
    """``fold-2`` of the run folder ``folds/2/ua_mt``."""
    parts = run.relative_to(job).parts
    return f"fold-{parts[1]}" if parts[0] == "folds" else parts[-1]
