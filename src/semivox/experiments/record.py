"""What a job or a study was begun with: job.json or study.json of its folder. Other wishes are refused later.

The record is the first file of the folder; until a plan stands beside it nothing was made by it, and another may take
its place, so that a wrong word is not held against the corrected command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.files import fresh
from semivox.core.frozen import Frozen
from semivox.core.json_text import parsed
from semivox.core.processes.command import typed
from semivox.core.reading import content_of
from semivox.core.spelling import not_there
from semivox.data.dataset import Dataset
from semivox.data.formats.sources import early_digest_of_files
from semivox.experiments.as_study import study_file_of
from semivox.experiments.study_file import StudyFile
from semivox.experiments.unchanged import changed_parts
from semivox.pipeline.options import RunOptions
from semivox.training.folder import HARMLESS, differences

Kind = Literal["job", "study"]
ScoredOn = Literal["test", "validation", "cross-validation", "nothing"]
FILES: Mapping[Kind, str] = {"job": "job.json", "study": "study.json"}
FOLLOWS = "cases.draw_seed:"
"""In a job it follows the seed, which is named already."""
SHOWN = 8
"""Lines of an error."""


class Start(Frozen):
    """One start of a job or study."""

    command: str
    """What was typed, quoted as a shell reads it."""
    semivox: str
    """Version of the package."""


class Record(Frozen):
    """What a job or a study was begun with. Methods, seeds, counts and draws of a study may be added later."""

    called = "record of a job or study"
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    version: Literal[1] = 1
    kind: Kind = "study"
    study_file: StudyFile = Field(alias="grid")
    data: str
    """The data folder; empty: the record of a job of version 0.1.0, which did not keep it."""
    files: str
    """Digest of what the data set's files hold."""
    labels: tuple[str, ...] | None = None
    """Cases that had a label when this was begun, used or not; None: of a version that did not keep them."""
    groups: Mapping[str, str] = {}
    """Case -> the patient or scan it is of, where several may be of one."""
    runs: tuple[str, ...] = ()
    """Names of all runs there are to be; empty: of a version that did not keep them."""
    scored_on: ScoredOn = "test"
    """Which scans the methods are compared on."""
    starts: tuple[Start, ...] = ()
    """Every command that worked on it, the first one first; empty: of a version that did not keep them."""

    def started(self, folder: Path) -> Record:
        """The record with this start, after those that the folder knows."""
        before = load_record(folder).starts if kind_of(folder) == self.kind else ()
        now = Start(command=typed(), semivox=version_of("semivox"))
        return self.model_copy(update={"starts": tuple(dict.fromkeys((*before, now)))})

    def save_in(self, folder: Path) -> None:
        """Write it into the folder of the job or study."""
        self.save(folder / FILES[self.kind])


class _FirstJobRecord(Frozen):
    """job.json of version 0.1.0."""

    settings: RunOptions
    files: str


def kind_of(folder: Path) -> Kind | None:
    """Whether a folder holds a job or a study; None: neither."""
    return next((kind for kind, name in FILES.items() if (folder / name).exists()), None)


def load_record(folder: Path) -> Record:
    """The record of a job or study. Raises InputError where there is none that this version can read."""
    kind = kind_of(folder)
    if kind is None:
        if not folder.exists():
            raise InputError(f"{not_there(folder)}; give the folder that semivox run or semivox study wrote")
        raise InputError(
            f"{folder} holds no job and no study (no job.json or study.json); give the folder that semivox run or "
            "semivox study wrote"
        )
    path = folder / FILES[kind]
    if kind == "job" and "settings" in (content := _json(path)):
        try:
            first = _FirstJobRecord.model_validate(content)
        except ValidationError as error:
            raise InputError(
                f"{path} was written by semivox 0.1.0, and this version cannot read it:\n{explain(error)}\nKeep the "
                "models, which can still be used by semivox predict, and begin the job in another --out"
            ) from error
        return Record(kind="job", study_file=study_file_of(first.settings), data="", files=first.files)
    return Record.load(path)


def claim(folder: Path, kind: Kind) -> None:
    """Make the folder. Raises InputError where it cannot be made, or holds something else."""
    name = FILES[kind]
    if not (folder / name).exists() and not fresh(folder, name):
        raise InputError(f"{folder} is not empty and holds no {kind}; give another --out, or empty it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}; give another --out") from error


def check_same(folder: Path, now: Record, dataset: Dataset) -> None:
    """Compare with the record of a folder in which something was made. Raises InputError naming what changed."""
    if not (folder / "plan.json").exists():
        return
    before = load_record(folder)
    if now.kind == "job":
        changed = list(changed_settings(before.study_file, now.study_file))
        said = f"cannot resume {folder}: the job was begun with other settings:\n  " + "\n  ".join(changed[:SHOWN])
    else:
        changed = changed_parts(before.study_file, now.study_file)
        said = f"{folder} holds a study with another {' and '.join(changed)}; numbers of both could not be compared"
    if changed:
        raise InputError(f"{said}\nUndo the change, or give another --out")
    if before.files != now.files and (before.starts or before.files != early_digest_of_files(dataset)):
        raise InputError(
            f"{folder} holds a {now.kind} of other scans: files of {now.data} were added, removed or changed since. "
            "Restore them, or give another --out"
        )


def changed_settings(before: StudyFile, now: StudyFile) -> list[str]:
    """Where a job is asked for something else, a line each; what changes no result is free."""
    found = differences(_complete(before), _complete(now))
    return [line for line in found if not line.startswith((*HARMLESS, FOLLOWS))]


def _complete(study_file: StudyFile) -> dict[str, Any]:
    """With the training settings that nobody named."""
    content = json.loads(study_file.model_dump_json())
    return content | {"train": study_file.settings.model_dump(mode="json")}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = parsed(content_of(path))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    return content if isinstance(content, dict) else {}
