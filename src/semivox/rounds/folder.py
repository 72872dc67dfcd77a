"""The rounds of a job: the first is the job's own folder, round r a whole job in ``rounds/r`` within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.spelling import not_there
from semivox.core.split import Split
from semivox.experiments.record import kind_of, load_record
from semivox.pipeline.next_labels import FOLDER, Beginning


class RoundRecord(Frozen):
    """How a round began (``round.json`` of its folder)."""

    version: Literal[1] = 1
    number: int
    start: Beginning
    """``warm``: from the weights of the round before; ``scratch``: from random ones."""
    added: Mapping[str, str]
    """Case whose label is new -> where the label comes from: expert, corrected, pseudo, or unknown."""
    new_scans: tuple[str, ...] = ()
    """Scans that the round before did not have."""
    not_scored: tuple[str, ...] = ()
    """Labeled scans that no fold scores, since the weights that theirs begins with have seen them without label."""


@dataclass(frozen=True)
class Round:
    """One round of a job."""

    number: int
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether it has its answer."""
        return (self.folder / "summary.json").is_file()

    @property
    def split(self) -> Split:
        """Who is labeled in it. Raises InputError."""
        return Split.load(self.folder / "split.json")


def require_there(target: Path) -> None:
    """Raise InputError, with the nearest name beside it, where what was given for a job or data folder is not there."""
    if not target.exists():
        raise InputError(f"{not_there(target)}; give the job that semivox run wrote, or the folder of your scans")


def job_of(folder: Path) -> Path:
    """The job of a folder, which may be that of one of its rounds. Raises InputError where there is none."""
    root = folder.parent.parent if folder.parent.name == FOLDER else folder
    if kind_of(root) != "job":
        require_there(folder)
        raise InputError(f"{folder} holds no job (no job.json); give the folder that semivox run wrote")
    return root


def rounds_of(job: Path) -> list[Round]:
    """All rounds that were begun, first to last."""
    later = [path for path in (job / FOLDER).glob("*") if path.name.isdecimal() and kind_of(path) == "job"]
    return [Round(1, job), *(Round(int(path.name), path) for path in sorted(later, key=lambda path: int(path.name)))]


def finished_until(folder: Path) -> list[Round]:
    """The finished rounds of a job up to the one in this folder; none where it is no job's."""
    try:
        job = job_of(folder)
    except InputError:
        return []
    last = 1 if folder == job else int(folder.name)
    return [each for each in rounds_of(job) if each.finished and each.number <= last]


def last_finished(job: Path) -> Round:
    """The round to go on from. Raises InputError where none is finished."""
    done = [each for each in rounds_of(job) if each.finished]
    if not done:
        raise InputError(f"the job in {job} is not finished; start its semivox run again, with the same --out")
    return done[-1]


def data_of(job: Path) -> Path:
    """The data folder of a job. Raises InputError where it did not keep it."""
    record = load_record(job)
    if not record.data:
        raise InputError(
            f"the job in {job} was made by semivox 0.1.0, which did not keep where its scans are. Run its "
            "semivox run again with the same --out, then this"
        )
    return Path(record.data)
