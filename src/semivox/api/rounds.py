"""Labeling in rounds: what to label next, labels taken back, self-training, and a watch that goes on by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semivox.api.given import AnyPath, given_split
from semivox.core.errors import InputError
from semivox.core.processes.launcher import require_alone
from semivox.core.spelling import suggestion
from semivox.core.split import Split

if TYPE_CHECKING:
    import numpy as np

    from semivox.core.case import Volume
    from semivox.experiments.summary import Summary
    from semivox.pipeline.progress import ProgressDisplay
    from semivox.rounds.adopt import Adoption
    from semivox.rounds.proposal import Suggestion
    from semivox.rounds.self_training import SelfTrainingSummary


def suggest(  # noqa: PLR0913 - the options of the command
    target: AnyPath,
    out: AnyPath | None = None,
    *,
    count: int = 5,
    boxes: bool = False,
    ratings: AnyPath | None = None,
    seed: int = 1,
    look_at: int = 200,
    strategy: str | None = None,
    device: str = "auto",
    progress: ProgressDisplay | None = None,
) -> tuple[Suggestion, Path]:
    """Which scans to label next: written into ``out`` as scans and proposals, with reasons; returns them and ``out``.

    ``target``: a job (default ``out``: ``suggested/after-round-N`` in it), or a data folder without one. ``boxes``:
    parts of scans instead of whole ones. ``ratings``: of the job's page. ``look_at``: scans of the pool that the models
    are asked about. ``strategy``: "mixture" (a third at random, the rest where the models are unsure) or "random";
    None: random for whole scans of a job, else the mixture. Raises InputError where nothing is left to label.
    """
    require_alone("suggest")
    from semivox.reports.overlay import overlay
    from semivox.rounds.pool import STRATEGIES, Wanted
    from semivox.rounds.suggest import suggest as suggest_for
    from semivox.training.device import device_here

    device_here(device)
    if strategy not in (None, *STRATEGIES):
        near = suggestion(str(strategy), STRATEGIES)
        raise InputError(f"--strategy {strategy} is unknown{near}; choose {' or '.join(STRATEGIES)}")
    wanted = Wanted(count, boxes, seed, device, look_at, None if ratings is None else Path(ratings), strategy)

    def picture(volume: Volume, index: np.ndarray, names: Sequence[str]) -> bytes:
        return overlay(volume.array, None, {"proposal": index}, volume.spacing, names)

    return suggest_for(Path(target), None if out is None else Path(out), wanted, picture, progress)


def adopt(
    target: AnyPath,
    corrected: AnyPath,
    *,
    origin: str | None = None,
    overwrite: bool = False,
    unchanged: bool = False,
) -> Adoption:
    """Take corrected labels back into the data set of a job (or into a data folder); all fit, or none is written.

    ``corrected``: the folder of a suggestion, a folder of labels named as their cases, or one label, of any format.
    ``origin``: "expert", "corrected" or "pseudo"; None: by whether there was a proposal. ``overwrite``: also replace
    labels of experts; ``unchanged``: also take proposals that nobody changed. Raises InputError naming each label that
    does not fit.
    """
    from semivox.rounds.adopt import Terms
    from semivox.rounds.adopt import adopt as take_back
    from semivox.rounds.origins import ORIGINS

    if origin is not None and origin not in ORIGINS:
        raise InputError(f"there is no origin {origin!r}{suggestion(origin, ORIGINS)}; there are {', '.join(ORIGINS)}")
    return take_back(Path(target), Path(corrected), Terms(ORIGINS[origin] if origin else None, overwrite, unchanged))


def self_train(
    job: AnyPath, *, rounds: int = 2, keep: float = 0.5, workers: int = 2, progress: ProgressDisplay | None = None
) -> SelfTrainingSummary:
    """Self-training on a finished job: label its pool, keep the most stable part ``keep``, train again from scratch.

    Against the supervised twin, and a twin with the steps of all ``rounds`` together. Written into ``self-training/``
    of the job; what is done is not done again. Raises InputError where the job scored no scans of its own.
    """
    require_alone("self_train")
    from semivox.rounds.self_training import self_train as train_in_rounds

    return train_in_rounds(Path(job), rounds, keep, workers, progress)


def watch(  # noqa: PLR0913 - the options of the command
    data: AnyPath,
    out: AnyPath,
    *,
    begin: str | None = None,
    every: float = 60.0,
    last: int | None = None,
    processes: int | None = None,
    labels: bool = True,
    split: Split | AnyPath | None = None,
    progress: ProgressDisplay | None = None,
    **wanted: Any,
) -> Summary:
    """As ``run``, then the next round whenever labels have arrived in ``data``; until round ``last``, or Ctrl-C.

    ``every``: seconds between looks. ``wanted``: method, ablation, recipe, options, settings, plan and exclude, as in
    ``run``. Returns what the last round found.
    """
    require_alone("watch")
    from semivox.experiments.job import Job
    from semivox.experiments.this_machine import ThisMachine
    from semivox.pipeline.options import RunOptions
    from semivox.reports.job import report_job
    from semivox.rounds.watch import watch as keep_watch

    settings, plan = wanted.pop("settings", None) or {}, wanted.pop("plan", None) or {}
    wanted["options"], wanted["exclude"] = wanted.get("options") or {}, tuple(wanted.get("exclude", ()))
    options = RunOptions.of(settings, plan, given_split(split), **wanted)
    job = Job(Path(data), Path(out), options, ThisMachine(processes), labels, report_job)
    return keep_watch(job, begin, progress, every, last)
