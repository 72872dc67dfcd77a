"""One run, in a process of its own: train, label the scans that are scored, score them, and say what it cost.

    python -m semivox.experiments.one_run FOLDER RUN WORKERS

FOLDER is that of a job or study, RUN the run folder within it, as ``ua_mt`` or ``labeled-8/draw-0/seed-1/ua_mt``.
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

import psutil

from semivox.core.errors import InputError, SemivoxError
from semivox.core.plan import Plan
from semivox.core.processes.command import told
from semivox.core.processes.lock import locked
from semivox.core.processes.parent_death import end_with_parent
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, groups_of
from semivox.data.prepared.store import Store
from semivox.evaluation.tables import write_scores
from semivox.evaluation.voxel_scores import write_voxel_rows
from semivox.experiments.arms import plan_of
from semivox.experiments.cost import account, processor_seconds
from semivox.experiments.experiment import scored_cases
from semivox.experiments.record import Record, load_record
from semivox.experiments.runs import Run, asked_of, run_named
from semivox.experiments.study_file import StudyFile
from semivox.pipeline.predict import label_entries, origins_of, score_entries, score_entries_in_voxels
from semivox.training.folder import RunFolder
from semivox.training.run import train_run
from semivox.training.settings import RunConfig
from semivox.training.spec import RunSpec

USAGE = "python -m semivox.experiments.one_run FOLDER RUN WORKERS, with 0 or more WORKERS"
VOXELS = "voxels.csv"
"""Scores in voxels, where the study file asks for them."""
PATIENCE = 900.0
"""Seconds to wait for a process of an earlier start, which still saves when its job or study was killed."""


def do_run(folder: Path, run: Run, record: Record, workers: int) -> None:
    """Do one run, or what is left of it. Raises InputError and InterruptedRun as training does."""
    frame, out = folder / run.frame, folder / run.name
    split, plan = Split.load(folder / run.place.part / "split.json"), plan_of(run.arm, Plan.load(frame / "plan.json"))
    config = asked_of(record.study_file, run, workers)
    spec = RunSpec(RunFolder(out), Store(frame / "prepared"), split, plan, config)
    began = processor_seconds()
    try:
        train_run(spec)
    finally:
        account(out, config, training=processor_seconds() - began)
    began = time.monotonic()
    dataset = layouts.find(Path(record.data))
    scored = [dataset.entry(name) for name in scored_cases(split, dataset, record.scored_on)]
    if scored:
        _score(out, scored, spec.plan, record.study_file, config)
        account(out, config, predicting=time.monotonic() - began)


def _score(run: Path, entries: Sequence[CaseFiles], plan: Plan, study_file: StudyFile, config: RunConfig) -> None:
    """Label the scans and write their scores."""
    label_entries(run, entries, config.train.device, options=study_file.predict.model_dump())
    if study_file.legacy.voxels:
        in_voxels = score_entries_in_voxels(run, entries, plan, study_file.legacy.missed_is_zero)
        write_voxel_rows(run / VOXELS, in_voxels)
    rows = score_entries(run, entries, plan)
    write_scores(run, rows, groups_of(entries), origins_of(run, entries))  # last: a run with scores.json is complete


def complete(folder: Path, name: str, workers: int) -> None:
    """Do the run of this name unless it is done; wait where another process still saves it. Raises SemivoxError."""
    record = load_record(folder)
    if record.starts:
        told(record.starts[-1].command)
    run = run_named(record.study_file, name)
    with locked((folder / name).parent, f".{Path(name).name}.lock", PATIENCE):
        if not run.done(folder):
            do_run(folder, run, record, workers)


def _follow_parent() -> None:
    """Stop and save when the process that started this one is gone, so that none is left behind."""
    parent = psutil.Process(os.getppid())

    def watch() -> None:
        while True:
            time.sleep(1.0)
            if os.getppid() != parent.pid or not parent.is_running():  # Windows keeps naming the parent that is gone
                _terminate()  # again and again: training takes note of the signal, what follows dies of it

    threading.Thread(target=watch, daemon=True).start()
    end_with_parent(signal.SIGTERM)  # at once, where the system offers it


def _terminate() -> None:
    """Send this process SIGTERM, to its main thread, so that it wakes from whatever it waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:  # os.kill would end it unasked on Windows
        signal.raise_signal(signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """Do the run that the command line names; returns the exit code."""
    if len(arguments) != 3 or not arguments[2].isdecimal():
        print(f"semivox: received {' '.join(arguments) or 'nothing'}; write {USAGE}", file=sys.stderr)
        return InputError.code
    _follow_parent()
    try:
        complete(Path(arguments[0]), arguments[1], int(arguments[2]))
    except SemivoxError as error:
        print(f"semivox: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
