"""The report of a job or a study: one call that makes the page its folder asks for."""

from __future__ import annotations

from pathlib import Path

from semivox.experiments.record import load_record
from semivox.pipeline.progress import ProgressDisplay
from semivox.reports.job import report_job
from semivox.reports.study import report_study


def report(folder: Path, by_difficulty: bool = False, progress: ProgressDisplay | None = None) -> Path:
    """Write the page of a job, or page, tables and figures of a study (finished or not); returns the page.

    ``by_difficulty``: of a study, also scores by how unusual a shape is. Raises InputError where the folder holds no
    job and no study, or nothing to report yet.
    """
    if load_record(folder).kind == "job":
        return report_job(folder)
    return report_study(folder, by_difficulty, progress)
