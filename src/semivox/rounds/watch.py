"""Waits for labels: as soon as some have arrived in the data folder, the next round begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data import layouts
from semivox.data.checks.findings import Finding
from semivox.data.checks.run import errors_of
from semivox.experiments.job import Job
from semivox.experiments.record import load_record
from semivox.experiments.summary import Summary
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.stages import examiners
from semivox.rounds.folder import last_finished
from semivox.rounds.next_round import require_beginning, run_rounds
from semivox.rounds.origins import newly_labeled

UNREAD = 2
"""Looks in a row that cannot read a folder before that is told: a file may be half there, or about to be renamed."""


def watch(
    job: Job,
    begin: str | None,
    progress: ProgressDisplay | None = None,
    every: float = 60.0,
    last: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Summary:
    """Do the job, then a round whenever labels are new; until round ``last``, or for ever (Ctrl-C ends it).

    ``every``: seconds between looks. Labels begin a round once a look finds the same ones, of the same size and
    time, as the look before (somebody may still be writing), and all can be trained on; what cannot is told once, and
    so is a folder that two looks cannot read, as where a share is gone, and that it is back. Raises InputError as
    ``run_rounds`` does.
    """
    progress = progress or Quiet()
    require_beginning(begin)  # now, and not in the round after this one
    while True:
        summary = run_rounds(job, begin if _finished(job.folder) else None, progress)
        number = last_finished(job.folder).number
        if last is not None and number >= last:
            return summary
        progress.say(
            f"Round {number} is finished. Waiting for labels in {job.data}; Ctrl-C ends it, and nothing is lost."
        )
        before: dict[str, tuple[int, int]] = {}
        refused: dict[str, tuple[int, int]] = {}
        unread = 0
        while True:
            sleep(every)
            try:
                found = _arrived(job)
                errors: tuple[Finding, ...] = ()
                if found and found == before and found != refused:
                    dataset = layouts.find(job.data)
                    if not (errors := errors_of(dataset, found, examiners(dataset))):
                        break
                    refused = found
            except (InputError, OSError) as error:  # also half a file, or a name that is about to be changed
                before, unread = {}, unread + 1
                if unread == UNREAD:
                    progress.say(f"{_told(error)}. Waiting until the folder can be read again.")
                continue
            if unread >= UNREAD:
                progress.say(f"{job.data} can be read again. Waiting for labels.")
            for wrong in errors:
                progress.say(f"{wrong.message.rstrip('.')}. {wrong.fix} Waiting until that is done.")
            before, unread = found, 0


def _finished(out: Path) -> bool:
    return (out / "summary.json").is_file()


def _told(error: Exception) -> str:
    """What keeps a folder from being read, without a full stop, and without the list that a sentence may announce."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    first = str(error).partition("\n")[0]
    return (first.rpartition(". ")[0] if first.endswith(":") else first).rstrip(".")


def _arrived(job: Job) -> dict[str, tuple[int, int]]:
    """Case with a new label -> size and time of its file. Raises InputError or OSError where a folder is unreadable."""
    dataset = layouts.find(job.data)
    new = newly_labeled(dataset, last_finished(job.folder).split.unlabeled, load_record(job.folder))
    states = {}
    for name in new:
        label = dataset.entry(name).label
        if label is not None:
            state = label.stat()
            states[name] = (state.st_size, state.st_mtime_ns)
    return states
