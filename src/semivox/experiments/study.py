"""A study: every method of a study file on every labeled set and with every seed, beside its supervised twin."""

from __future__ import annotations

import shlex
from pathlib import Path

from semivox.core.plurals import plural
from semivox.experiments.arrange import arranged
from semivox.experiments.executor import Engine
from semivox.experiments.experiment import study_experiment
from semivox.experiments.runner import Outcome, do_runs
from semivox.experiments.study_file import StudyFile
from semivox.pipeline.progress import ProgressDisplay, Quiet


def run_study(
    study_file: StudyFile,
    base: Path,
    data: Path,
    out: Path,
    engine: Engine,
    progress: ProgressDisplay | None = None,
) -> Outcome:
    """Do the whole study into ``out``, or what is left of it.

    ``base``: the folder that the study file's own files are named from; ``engine``: where the runs are done. Raises
    InputError for unfit scans or options, SemivoxError after all else is done if runs failed, and InterruptedRun after
    all running ones have saved when asked to stop.
    """
    progress = progress or Quiet()
    experiment = study_experiment(study_file, base, data)
    with arranged(experiment, out, progress) as ready:
        outcome = do_runs(ready, engine, progress)
    command = shlex.join(["semivox", "report", str(out)])
    progress.say(f"{plural(outcome.done, 'training is', 'trainings are')} done. The page about them: {command}")
    return outcome
