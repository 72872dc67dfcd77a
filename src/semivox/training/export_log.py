"""The log of a finished or running training, handed to a tracker afterwards."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.training.folder import RunFolder
from semivox.training.settings import RunConfig
from semivox.training.tracking import export_log, tracker_of


def export_run(run: Path, to: str, place: str) -> int:
    """Write the log of a run folder; returns how many rows. Raises InputError where there is none, or no tracker."""
    folder = RunFolder(run)
    rows = folder.logged()
    if not folder.config.exists() or not rows:
        raise InputError(f"{run} holds no log of a training; give a run folder, such as job/supervised")
    config = RunConfig.load(folder.config)
    return export_log(rows, tracker_of(to, place, run.resolve().name, {"method": config.method, **config.options}))
