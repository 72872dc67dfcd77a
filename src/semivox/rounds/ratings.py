"""Ratings of predictions, as the page of a job saves them: use, correct, or reject."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from semivox.core.frozen import Frozen

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


def ratings_of(round_folder: Path, file: Path | None) -> Mapping[str, str]:
    """Case -> rating, of the file that is given, else of the one that lies in the round's folder, if any.

    Raises InputError for a file that is no ratings.
    """
    path = file or round_folder / FILE
    if file is None and not path.is_file():
        return {}
    return {one.case: one.rating for one in Ratings.load(path).ratings if one.rating}
