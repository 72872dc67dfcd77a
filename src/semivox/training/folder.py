"""A run is a folder: what was asked, what was decided, what happened, and what came out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import final_name
from semivox.core.frozen import Frozen
from semivox.core.json_text import parsed
from semivox.core.processes.launcher import first_process
from semivox.core.processes.lock import locked
from semivox.core.reading import content_of
from semivox.core.split import Split
from semivox.data.prepared.store import Store
from semivox.training import run_log

OWN = {
    *("config.json", "plan.json", "split.json", "data.json", "environment.json", "log.jsonl", "warnings.jsonl"),
    *("lock", "done", "checkpoints", "model", "predictions", "maps", "prepared", "tensorboard", "wandb", "check.json"),
    *("extended.json", "scores.csv", "scores.json", "summary.json", "summary.txt", "report.html"),
}
"""What may stand in a run folder, also in one that a kill left behind before its first file was whole."""


ROLLBACK, ELSEWHERE = "rollback", "elsewhere"
"""Codes of the warnings on a rollback, and on a resume under other conditions."""
WITHIN_JOB = re.compile(r"/((?:rounds/\d+)?/?(?:folds/\d+)?)$")
"""A round and a fold, at the end of a path."""
LASTING = (ROLLBACK, ELSEWHERE)
"""What stays although its step is repeated."""
HARMLESS = (
    *("train.workers:", "train.readers:", "train.save_every:", "train.keep_names:"),
    *("train.tensorboard:", "train.mlflow:", "train.wandb:", "train.lost_classes:"),
)
"""Settings that change no result and may therefore change when a run is resumed."""


EARLIER = (
    "It was begun by an early state of semivox 0.1.0, which had other defaults, and cannot be resumed: begin anew in "
    "another --out. What it has trained can still be used by semivox predict."
)
"""What is said where defaults may be what changed."""


class DataRecord(Frozen):
    """What a run was begun on (data.json): a resume with other voxels is refused."""

    called = "record of a run's voxels"
    voxels: Mapping[str, str]
    """Case -> hash of its prepared image and label."""

    @classmethod
    def of(cls, store: Store, split: Split) -> DataRecord:
        """Of all cases that training reads. Raises InputError for one that is not prepared."""
        cases = (*split.labeled, *split.unlabeled, *split.validation)
        return cls(voxels={name: store.content(name) for name in cases})


class RunFolder:
    """The files of one run, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.plan = path / "plan.json"
        self.split = path / "split.json"
        self.data = path / "data.json"
        self.environment = path / "environment.json"
        self.log_file = path / "log.jsonl"
        self.warnings = path / "warnings.jsonl"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.done = path / "done"
        self.heard: Callable[[Mapping[str, Any]], None] | None = None
        """Who is told each row of the log, too."""

    def create(self) -> None:
        """Make the folder. Raises InputError where it cannot be, or holds something that is no run."""
        if not self.config.exists() and any(foreign(entry) for entry in self.path.glob("*")):
            raise InputError(f"{self.path} is not empty and not a run folder; give another --out, or empty it")
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to {self.path}: {error.strerror}; give another --out") from error

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder, so that a second process on it stops with a sentence instead of mixing in.

        Of the processes that a launcher starts on one run, the first holds it for all.
        """
        return locked(self.path) if first_process() else nullcontext()

    def keep(self, path: Path, value: Frozen, before: Frozen | None = None, free: Sequence[str] = ()) -> None:
        """Write a value on the first start; on a resume compare, and name what changed. Raises InputError.

        ``before``: what the file is to be read as, where that is not its text; ``free``: beginnings of the names of
        fields that may change, beside those that change no result.
        """
        if not first_process():
            return
        if not path.exists():
            value.save(path)
            return
        before = before or type(value).load(path)  # not the text: fields that came later are as they default
        old = json.loads(before.model_dump_json())
        found = differences(old, json.loads(value.model_dump_json()))
        changed = [line for line in found if not line.removeprefix("settings.").startswith((*HARMLESS, *free))]
        if changed:
            earlier = path == self.config and by_earlier_version(path, value)
            raise InputError(
                f"cannot resume {self.path}: {path.name} changed since the run began:\n  "
                + "\n  ".join(changed[:8])
                + f"\n{EARLIER if earlier else 'Undo the change, or start a new run with another --out.'}"
            )

    def log(self, row: Mapping[str, Any]) -> None:
        """Append one row to log.jsonl. Raises SemivoxError where it cannot be written."""
        run_log.append(self.log_file, row)
        if self.heard is not None:
            self.heard(row)

    def logged(self) -> list[run_log.Row]:
        """All whole rows of log.jsonl."""
        return run_log.rows(self.log_file)

    def warn(self, step: int, code: str, text: str, about: str = "") -> None:
        """Append a warning about the run's health to warnings.jsonl; ``about``: name of the class that it is about."""
        row = {"step": step, "code": code, "text": text}
        run_log.append(self.warnings, row | ({"about": about} if about else {}))

    def warned(self) -> list[run_log.Row]:
        """All warnings about the run's health: step, code, text, and of a class its name (about)."""
        return [row for row in run_log.rows(self.warnings) if "text" in row]

    def forget_from(self, step: int) -> None:
        """Drop what was logged and warned of at steps that are about to be repeated."""
        for path in (self.log_file, self.warnings):
            run_log.keep_only(path, lambda row: row["step"] < step or row.get("code") in LASTING)


def by_earlier_version(path: Path, now: Frozen) -> bool:
    """Whether the file of a value lacks fields that there are by now, so that it holds defaults of an early version."""

    def lacks(old: Any, new: Any) -> bool:
        both = isinstance(old, dict) and isinstance(new, dict)
        return both and any(name not in old or lacks(old[name], value) for name, value in new.items())

    return lacks(parsed(content_of(path)), now.model_dump(mode="json"))


def foreign(entry: Path) -> bool:
    """Whether this is none of the files that a run writes."""
    return final_name(entry.name) not in OWN


def _moved(before: Any, now: Any) -> bool:
    """Whether two paths name the same round and fold of a job that stands elsewhere now, or on another machine."""
    if not (isinstance(before, str) and isinstance(now, str)) or Path(before).exists():
        return False
    return WITHIN_JOB.findall(Path(before).as_posix()) == WITHIN_JOB.findall(Path(now).as_posix())


def differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Where two JSON values differ: one line per place."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            yield from differences(before.get(key), now.get(key), f"{place}.{key}" if place else key)
    elif before != now and not (place.endswith("warm_start") and _moved(before, now)):
        yield f"{place}: was {str(before)[:80]}, is {str(now)[:80]}"
