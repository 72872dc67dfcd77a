"""``--report FILE.json``: what a command did, to what, with what digests, how long it took, and how it ended."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from semivox.core.errors import InputError
from semivox.core.files import beside, short, write_text
from semivox.core.json_text import parsed
from semivox.core.reading import text_of

KIND = "semivox command report"
OUTPUTS = {"out"}
"""Parameters that name where a command writes."""
OWN_OUTPUTS = {"report": {"folder"}, "suggest": {"target"}, "adopt": {"target"}, "rounds": {"job"}}
"""Command -> parameters that name a folder in which it writes, too."""


@dataclass
class CommandReport:
    """One command, from its start to its end."""

    path: Path
    command: str
    options: Mapping[str, Any]
    began: float = field(default_factory=time.time)
    clock: float = field(default_factory=time.monotonic)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: list[Path] = field(default_factory=list)
    """Where the command wrote that no parameter names: a default folder, the data of a job."""

    @classmethod
    def begun(cls, path: Path, command: str, options: Mapping[str, Any]) -> CommandReport:
        """Before the command does anything. Raises InputError where the file could not be written in the end.

        Reads all files that are given to the command, for their digests.
        """
        require_writable(path)
        made = cls(path, command, options)
        for name, value in _paths(options):
            if name not in OUTPUTS and (value.is_file() or value.is_dir()):  # no pipe: reading it would never end
                made.inputs[str(value)] = _content(value)
        return made

    def end(self, code: int, said: str) -> None:
        """Write the file. ``said``: the sentence of an error; empty where there was none."""
        content = {
            "kind": KIND,
            "version": 1,
            "semivox": version("semivox"),
            "command": self.command,
            "options": {name: _plain(value) for name, value in self.options.items()},
            "inputs": self.inputs,
            "outputs": dict(self._outputs()),
            "started": datetime.fromtimestamp(self.began, UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.clock, 3),
            "exit_code": code,
            "error": said,
        }
        write_text(self.path, json.dumps(content, indent=2) + "\n")

    def _outputs(self) -> Iterator[tuple[str, str]]:
        """Path -> SHA-256 of every file that was written since the command began."""
        own = OUTPUTS | OWN_OUTPUTS.get(self.command, set())
        for place in (*(value for name, value in _paths(self.options) if name in own), *self.places):
            for file in _files(place):
                if file.stat().st_mtime >= self.began - 0.01 and file.resolve() != self.path.resolve():
                    yield str(file), _digest(file)


def require_writable(path: Path) -> None:
    """Raise InputError where a report cannot be written, or would replace what is no report."""
    try:
        temporary = beside(path)
        temporary.touch()  # the one way to know
        temporary.unlink()
        standing = path.lstat() if os.path.lexists(path) else None
    except (InputError, OSError, ValueError) as error:
        raise InputError(
            f"--report {short(path)} cannot be written; give a file in a folder that is there, such as report.json"
        ) from error
    if standing is None:
        return
    try:
        known = parsed(text_of(path)).get("kind") == KIND
    except (InputError, ValueError, AttributeError):
        known = False
    if not known:
        raise InputError(f"--report {path} would replace a file that is no report of a command; give another name")


def _paths(options: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for name, value in options.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, Path):
                yield name, one


def _content(path: Path) -> dict[str, Any]:
    """How many files and bytes a path holds, and one digest of all: of their names and of what is in them."""
    total, count, size = hashlib.sha256(), 0, 0
    for file in _files(path):
        place = file.name if path.is_file() else file.relative_to(path).as_posix()
        total.update(f"{place}\0{_digest(file)}\n".encode(errors="surrogateescape"))
        count, size = count + 1, size + file.stat().st_size
    return {"files": count, "bytes": size, "sha256": total.hexdigest() if path.is_dir() else _digest(path)}


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.rglob("*")) if path.is_dir() else []
    return [file for file in found if file.is_file()]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
