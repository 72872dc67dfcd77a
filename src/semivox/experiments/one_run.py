"""One run of a study, in a process of its own: train, label the test scans, score them, and say what it cost.

    python -m semivox.experiments.one_run STUDY SETTING/draw-N/seed-N/ARM WORKERS

Training sees a store without test scans; they are read from their files after the weights are final.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from semivox.core.errors import InputError, SemivoxError
from semivox.core.plan import Plan
from semivox.core.processes.lock import locked
from semivox.core.processes.parent_death import end_with_parent
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, groups_of
from semivox.data.prepared.store import Store
from semivox.evaluation.tables import write_scores
from semivox.evaluation.voxel_scores import write_voxel_rows
from semivox.experiments.arrange import StudyRecord
from semivox.experiments.cost import account
from semivox.experiments.runs import Run, config_of, plan_of, run_named
from semivox.experiments.study_file import StudyFile
from semivox.pipeline.predict import label_entries, score_entries, score_entries_in_voxels
from semivox.pipeline.stages import train_method
from semivox.training.folder import RunFolder
from semivox.training.settings import RunConfig
from semivox.training.spec import RunSpec

USAGE = "python -m semivox.experiments.one_run STUDY SETTING/draw-N/seed-N/ARM WORKERS, with 0 or more WORKERS"
VOXELS = "voxels.csv"
"""Scores in voxels, where the grid asks for them."""
PATIENCE = 900.0
"""Seconds for which a process of an earlier start is waited for: when its study is killed, it still saves."""


def do_run(study: Path, cell: Run, record: StudyRecord, workers: int) -> None:
    """Do one run, or what is left of it. Raises InputError and InterruptedRun as training does."""
    frame, run = study / cell.frame, study / cell.name
    split, plan = Split.load(frame / "split.json"), plan_of(cell.arm, Plan.load(frame / "plan.json"))
    config = config_of(record.grid, cell.arm, cell.seed, workers)
    spec = RunSpec(RunFolder(run), Store(frame / "prepared"), split, plan, config)
    try:
        train_method(spec)
    finally:
        account(run, config, 0.0)
    began = time.monotonic()
    dataset = layouts.find(Path(record.data))
    _score(run, [dataset.entry(name) for name in split.test], spec.plan, record.grid, config)
    account(run, config, time.monotonic() - began)


def _score(run: Path, entries: Sequence[CaseFiles], plan: Plan, grid: StudyFile, config: RunConfig) -> None:
    """Label the test scans and write their scores."""
    label_entries(run, entries, config.train.device, options=grid.predict.model_dump())
    if grid.legacy.voxels:
        write_voxel_rows(run / VOXELS, score_entries_in_voxels(run, entries, plan, grid.legacy.missed_is_zero))
    write_scores(run, score_entries(run, entries, plan), groups_of(entries))  # last: a run with scores.json is complete


def _follow_parent() -> None:
    """Stop and save when the process that started this one is gone, so that none is left behind."""
    parent = os.getppid()

    def watch() -> None:
        while True:
            time.sleep(1.0)
            if os.getppid() != parent:  # again and again: training takes note of the signal, what follows dies of it
                os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    end_with_parent(signal.SIGTERM)  # at once, where the system offers it


def main(arguments: Sequence[str]) -> int:
    """Run the cell that the command line names; returns the exit code."""
    if len(arguments) != 3 or not arguments[2].isdecimal():
        print(f"semivox: received {' '.join(arguments) or 'nothing'}; write {USAGE}", file=sys.stderr)
        return InputError.code
    study, name, workers = Path(arguments[0]), arguments[1], int(arguments[2])
    _follow_parent()
    try:
        record = StudyRecord.load(study / "study.json")
        cell = run_named(record.grid, name)
        with locked((study / name).parent, f"{cell.arm.name}.lock", PATIENCE):
            if not cell.done(study):
                do_run(study, cell, record, workers)
    except SemivoxError as error:
        print(f"semivox: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
