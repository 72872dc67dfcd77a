"""What a result was made from: scan, model and options, kept beside it, so that no result is taken for another's.

A file name says nothing about what a label shows: another patient's scan may come under the same name, a scan may be
exported again, a model trained again. So every label is accompanied by ``origins/<name>.json``, and a result is
known by what made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from semivox.core.errors import InputError
from semivox.core.files import beside, writing
from semivox.core.frozen import Frozen
from semivox.data.formats.scan import READING
from semivox.data.formats.sources import files_of, fresh_digest_of

FOLDER = "origins"
"""Beside the labels."""


class Origin(Frozen):
    """What made the results of one scan (``origins/<name>.json``)."""

    called = "record of how a label was made"
    version: Literal[1] = 1
    case: str
    scan: str
    """SHA-256 of all bytes of the scan's files: voxels, grid and header."""
    source: tuple[str, ...]
    """Digest of where each of these files stood: paths may name patients and users."""
    model: str
    """Digest of the model: its weights, options and plan."""
    options: Mapping[str, Any]
    """How it was asked: windows, mirroring, precision and the like."""
    reading: int = 1
    """How the scan was read (``formats.scan.READING``)."""
    files: Mapping[str, str] = {}
    """Name of each result -> SHA-256 of what was written."""
    expected_dice: Mapping[str, float | None] = {}
    """Class -> its Dice as its own probabilities have it; None: predicted nowhere."""
    unlike: tuple[str, ...] = ()
    """In which ways the scan lies outside what the model was trained on."""


class Standing(Enum):
    """What a result that is there is to the one that is asked for."""

    ABSENT = "there is no result"
    SAME = "made from the same scan by the same model in the same way"
    OUTDATED = "made from an earlier version of the scan, by another model or in another way"
    OTHER = "made from another scan"
    CHANGED = "changed since it was made"
    FOREIGN = "not made by this program, or without its record"


def path_of(label: Path, name: str) -> Path:
    """The record of a result."""
    return label.parent / FOLDER / f"{name}.json"


def scan_digest(images: Sequence[Path]) -> str:
    """SHA-256 of all bytes of a scan's files, in order. Raises InputError naming a file that cannot be read."""
    total = hashlib.sha256()
    for path in images:
        for file in files_of(path):
            total.update(bytes.fromhex(fresh_digest_of(file)))
    return total.hexdigest()


def origin_of(case: str, images: Sequence[Path], model: str, options: Mapping[str, Any]) -> Origin:
    """What a result of this scan would be made from. Reads all of the scan's files."""
    source = tuple(hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16] for path in images)
    return Origin(
        case=case, scan=scan_digest(images), source=source, model=model, options=dict(options), reading=READING
    )


def standing(wanted: Origin, record: Path, label: Path, others: Sequence[Path] = ()) -> Standing:
    """What stands in the place of a result: its label, and further files that must be there for it to be whole."""
    if not label.is_file():
        return Standing.ABSENT
    try:
        found = Origin.load(record)
    except InputError:  # none, or damaged: nothing is known about the label
        return Standing.FOREIGN
    if found.files.get(label.name) != fresh_digest_of(label):
        return Standing.CHANGED
    if found.scan != wanted.scan and found.source != wanted.source:
        return Standing.OTHER
    made = (found.scan, found.model, dict(found.options), found.reading)
    if made != (wanted.scan, wanted.model, dict(wanted.options), wanted.reading):
        return Standing.OUTDATED
    complete = all(path.is_file() and found.files.get(path.name) == fresh_digest_of(path) for path in others)
    return Standing.SAME if complete else Standing.OUTDATED


def time_of(folder: Path) -> int:
    """What time it is, in nanoseconds, by the clock of the machine that keeps the folder."""
    probe = beside(folder / "time")
    with writing(probe):
        probe.touch()
        now = probe.stat().st_mtime_ns
        probe.unlink()
    return now


def made_since(record: Path, label: Path, begun: int, model: str, options: Mapping[str, Any]) -> bool:
    """Whether another process, with the same model and options, made a result since ``begun``.

    Then it need not be compared with the scan, which would be read once by every process.
    """
    try:
        if record.stat().st_mtime_ns < begun or not label.is_file():
            return False
        found = Origin.load(record)
    except (OSError, InputError):
        return False
    return (found.model, dict(found.options)) == (model, dict(options))


def forget(record: Path) -> None:
    """Take away the record of results that are about to be made again, and those that it made and nobody changed."""
    with writing(record):
        try:
            made = Origin.load(record).files
        except InputError:
            made = {}
        record.unlink(missing_ok=True)  # first: half a result is nobody's
        for name, digest in made.items():
            path = record.parent.parent / name
            if path.parent == record.parent.parent and path.is_file() and fresh_digest_of(path) == digest:
                path.unlink()


def recorder(
    wanted: Origin,
    record: Path,
    label: Path,
    others: Sequence[Path] = (),
    expected_dice: Mapping[str, float | None] | None = None,
    unlike: Sequence[str] = (),
) -> Callable[[Path], None]:
    """What writes the record of results, given the whole label just before it gets its name ``label``.

    So there is no moment at which a label of this program stands without its record, and would be taken for somebody's.
    ``others``: results that are in their places already. ``expected_dice`` and ``unlike``: what was seen of the scan
    while it was labeled.
    """

    def write(whole: Path) -> None:
        with writing(record):
            record.parent.mkdir(parents=True, exist_ok=True)
        made = {label.name: fresh_digest_of(whole), **{path.name: fresh_digest_of(path) for path in others}}
        seen = {"expected_dice": dict(expected_dice or {}), "unlike": tuple(unlike)}
        wanted.model_copy(update={"files": made, **seen}).save(record)

    return write
