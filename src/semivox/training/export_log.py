"""The log of a finished or running training, handed to a tracker afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

from semivox.core.errors import InputError
from semivox.training.folder import RunFolder
from semivox.training.settings import RunConfig
from semivox.training.tracking import export_log, tracker_of


def export_run(run: Path, to: str, place: str) -> int:
    """Write the log of a run folder; returns how many rows.

    ``place``: address of a server, or a folder that is empty or not there, as it is again where the writing fails.
    Raises InputError where there is no log or no tracker, or something in the folder.
    """
    kept = None if "://" in place else Path(place)
    if kept is not None and kept.exists() and (kept.is_file() or any(kept.iterdir())):
        raise InputError(f"{kept} exists already; remove it or give another --out")
    folder = RunFolder(run)
    rows = folder.logged()
    if not folder.config.exists() or not rows:
        raise InputError(f"{run} holds no log of a training; give a run folder, such as job/supervised")
    config = RunConfig.load(folder.config)
    try:
        return export_log(rows, tracker_of(to, place, run.resolve().name, {"method": config.method, **config.options}))
    except BaseException:
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise
