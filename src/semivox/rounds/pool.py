"""Which scans may be labeled next, and the models that may be asked about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.data import layouts
from semivox.data.dataset import Dataset, some
from semivox.experiments.record import load_record
from semivox.experiments.runs import place_of
from semivox.rounds.folder import Round, data_of, job_of, last_finished, require_there, rounds_of
from semivox.rounds.origins import newly_labeled

STRATEGIES = ("mixture", "random")
"""Mixture: a part at random, the rest where models are unsure, or by groups where there is none. Random: all of it."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    count: int = 5
    boxes: bool = False
    """Boxes of scans instead of whole scans."""
    seed: int = 1
    device: str = "auto"
    look_at: int = 200
    """Scans of the pool that are looked at, drawn at random where there are more."""
    ratings: Path | None = None
    strategy: str | None = None
    """Of ``STRATEGIES``; None: random for whole scans where there is a model, where nothing was measured to be better;
    else the mixture."""


@dataclass(frozen=True)
class Pool:
    """What may be labeled, and what is known about it."""

    dataset: Dataset
    names: tuple[str, ...]
    models: tuple[Path, ...] = ()
    """Run folders whose mean is asked; none: cold start."""
    done: int = 0
    """Finished rounds."""
    last: Round | None = None


def pool_of(target: Path) -> Pool:
    """What is left to label in a job, or in a data folder without one. Raises InputError."""
    require_there(target)
    try:
        job = job_of(target)
    except InputError:
        if (target / "config.json").exists():
            raise InputError(
                f"{target} is a run folder; give the job that semivox run wrote, or the data folder"
            ) from None
        dataset = layouts.find(target)
        left = tuple(e.name for e in dataset.entries if e.images and e.label is None and e.part in (None, "training"))
        return Pool(dataset, left)
    last = last_finished(job)
    if (later := rounds_of(job)[-1]).number > last.number:
        raise InputError(f"round {later.number} of {job} is not finished; start its semivox run again, then ask")
    record, dataset, split = load_record(last.folder), layouts.find(data_of(job)), last.split
    known = {entry.name for entry in dataset.entries}
    new = newly_labeled(dataset, split.unlabeled, load_record(job))
    left = tuple(name for name in split.unlabeled if name not in new and name in known)
    whole = [name for name in record.runs if place_of(name).fold is None] or ["supervised"]
    models = tuple(last.folder / name for name in whole if (last.folder / name / "model").is_dir())
    return Pool(dataset, left, models, last.number, last)


def rated(pool: Pool, ratings: Mapping[str, str], wanted: Wanted) -> tuple[Pool, list[str], list[str]]:
    """The pool without what somebody rated otherwise, the scans to correct, and what to say about it."""
    own = {name: rating for name, rating in ratings.items() if name in pool.names}
    notes = []
    for rating, said in (("use", "is good enough as it is"), ("reject", "is of no use")):
        if names := sorted(name for name in own if own[name] == rating):
            notes.append(f"Left out, since you rated that the label {said}: {some(names)}.")
    known = {entry.name for entry in pool.dataset.entries}
    if unknown := sorted(ratings.keys() - known):
        notes.append(
            f"{plural(len(unknown), 'rating is', 'ratings are')} of scans that {pool.dataset.root} does not have: "
            f"{some(unknown, 3)}."
        )
    if others := sorted((ratings.keys() & known) - own.keys()):
        notes.append(
            f"{plural(len(others), 'rating is', 'ratings are')} of scans that are not to be labeled (scored or "
            f"labeled): {some(others, 3)}."
        )
    asked = sorted(name for name in own if own[name] == "correct")[: wanted.count]
    left = tuple(name for name in pool.names if own.get(name) not in ("use", "reject"))
    return replace(pool, names=left), asked, notes
