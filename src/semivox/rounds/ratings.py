"""Ratings of predictions, as the page of a job saves them: use, correct, or reject."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.experiments.summary import Summary
from semivox.rounds.folder import Round, finished_until
from semivox.rounds.pool import Pool

FILE = "ratings.json"


class Rating(Frozen):
    """What somebody said of one case."""

    case: str
    rating: Literal["use", "correct", "reject"] | None = None
    note: str | None = None


class Ratings(Frozen):
    """``ratings.json``; see docs/reference/run-folder.md."""

    version: Literal[1] = 1
    dataset: Any = None
    model: Any = None
    split: Any = None
    plan: Any = None
    ratings: tuple[Rating, ...] = ()


def ratings_of(pool: Pool, file: Path | None) -> tuple[Mapping[str, str], list[str]]:
    """Case -> rating, of the file that is given, else of the one in the last round's folder, if any; and remarks on it.

    Raises InputError for a file that is no ratings, and for one of another job.
    """
    if file is None:
        if pool.last is None or not (pool.last.folder / FILE).is_file():
            return {}, []
        file = pool.last.folder / FILE
    saved = Ratings.load(file)
    own = {one.case: one.rating for one in saved.ratings if one.rating}
    return own, _remarks(saved, file, pool.last) if pool.last else []


def _remarks(saved: Ratings, path: Path, last: Round) -> list[str]:
    """What to say of ratings of an earlier round. Raises InputError for those of another job."""
    if saved.split is None:  # written by hand: of these cases, and that is all that is known
        return []
    for each in reversed(finished_until(last.folder)):
        made = Summary.load(each.folder / "summary.json").provenance
        if (saved.split, saved.plan) == (made.split, made.plan):
            if each.number == last.number:
                return []
            return [f"{path} rates the labels of round {each.number}; those of round {last.number} are others."]
    raise InputError(
        f"{path} was saved from the report of another job (data set {saved.dataset}, split {saved.split}, plan "
        f"{saved.plan}); save the ratings of {last.folder / 'report.html'}, or leave the file out"
    )
