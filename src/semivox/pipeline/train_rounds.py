"""A training goes on with new labels: a further round in ``rounds/2`` of its folder, a whole run beside the old one.

Unlike ``semivox run``, a training keeps no list of the labels that were there when it began, and labels that were kept
from it on purpose (``--labeled 8``) look like new ones. So a round begins only when asked for (``--begin``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plan import Plan
from semivox.core.plurals import plural
from semivox.core.processes.launcher import first_process
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import Dataset, some
from semivox.pipeline.next_labels import (
    FOLDER,
    RECORD,
    Beginning,
    beginning,
    new_scans,
    require_kept,
    with_labels,
)
from semivox.pipeline.options import RunOptions
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.pipeline.train import train_one
from semivox.training.folder import RunFolder
from semivox.training.spec import IN_THE_PLAN
from semivox.training.together import wait_for_first, with_launchers_processes


class TrainRound(Frozen):
    """How a further round of a training began (``round.json`` of its folder)."""

    version: Literal[1] = 1
    number: int
    start: Beginning
    """``warm``: from the weights of the round before; ``scratch``: from random ones."""
    added: tuple[str, ...]
    """Cases whose label is new."""


def train_next(
    data: Path,
    out: Path,
    options: RunOptions,
    begin: str,
    prepared: Path | None = None,
    progress: ProgressDisplay | None = None,
) -> Path:
    """Train the next round of the run in ``out`` on all labels there are, or what is left of it; returns its folder.

    The plan, validation and test scans are those of the run, and scans of their patients stay out. Without new labels
    nothing is trained, and the last round is returned. Raises InputError where the run is not finished, was begun with
    other settings, or a round was begun otherwise.
    """
    progress, start = progress or Quiet(), beginning(begin)
    if first_process():
        _require_same(out, options)
        if rounds_of(out)[-1].done.exists():
            _begin(data, out, options, start, progress)
    wait_for_first()
    last = rounds_of(out)[-1]
    if last.path == out:
        return out
    record = TrainRound.load(last.path / RECORD)
    if record.start != start:
        raise InputError(
            f"round {record.number} was begun with --begin {record.start}; leave it so, or delete {last.path}"
        )
    asked = _asked(options, start, rounds_of(out)[-2], Split.load(last.split))
    return train_one(data, last.path, asked, None, prepared, progress)


def rounds_of(out: Path) -> list[RunFolder]:
    """The run, and its further rounds, first to last."""
    later = [path for path in (out / FOLDER).glob("*") if path.name.isdecimal() and (path / RECORD).exists()]
    return [RunFolder(path) for path in (out, *sorted(later, key=lambda path: int(path.name)))]


def _require_same(out: Path, options: RunOptions) -> None:
    """Raise InputError where there is no finished run, or it was begun with other settings or another split."""
    first = RunFolder(out)
    if out.parent.name == FOLDER and (out / RECORD).exists():
        raise InputError(f"{out} is a round of the training in {out.parent.parent}; give -o {out.parent.parent}")
    if not first.done.exists():
        raise InputError(
            f"{out} holds no finished training, after which a round could begin; leave --begin out until it is finished"
        )
    first.keep(first.config, options.config(), free=IN_THE_PLAN)
    if options.split is not None:
        raise InputError(
            f"the training in {out} has a split of its own, from which rounds follow; leave out --split and --labeled"
        )


def _asked(options: RunOptions, start: Beginning, before: RunFolder, split: Split) -> RunOptions:
    """What is asked of the run that is a round after another."""
    train = options.train
    if start == "warm":
        train = train.model_copy(update={"warm_start": str(before.path.resolve())})
    plan = options.plan.model_copy(update={"hours": None})  # the plan is the run's
    return options.model_copy(update={"split": split, "train": train, "plan": plan, "exclude": ()})


def _begin(data: Path, out: Path, options: RunOptions, start: Beginning, progress: ProgressDisplay) -> None:
    """Write down what the next round is, its record last; nothing where no label is new."""
    rounds = rounds_of(out)
    last, number = rounds[-1], len(rounds) + 1
    dataset = layouts.find(data)
    split, added = next_split(dataset, Split.load(last.split), options.exclude)
    if not added:
        progress.say(f"{last.path} is finished, and no label is new since.")
        return
    this = RunFolder(out / FOLDER / str(number))
    this.path.mkdir(parents=True, exist_ok=True)
    Plan.load(last.plan).save(this.plan)
    split.save(this.split)
    with_launchers_processes(_asked(options, start, last, split).config()).save(this.config)
    TrainRound(number=number, start=start, added=added).save(this.path / RECORD)
    begun = "the last weights" if start == "warm" else "scratch"
    progress.say(
        f"Round {number}: {plural(len(added), 'new label')} ({some(added)}), {len(split.labeled)} labeled scans in "
        f"all, from {begun}, in {this.path}."
    )


def next_split(dataset: Dataset, before: Split, exclude: tuple[str, ...] = ()) -> tuple[Split, tuple[str, ...]]:
    """The split with all labels that came since, and their cases; scans of patients that are scored stay out.

    Raises InputError where a label is gone that was trained on.
    """
    fresh = new_scans(dataset, before, exclude)
    drawn = {entry.name for entry in dataset.entries if entry.label is not None}
    require_kept(before, drawn, "run")
    added = tuple(sorted(drawn & {*before.unlabeled, *fresh}))
    return with_labels(before, added, fresh), added
