"""From scans on disk to memory-mapped cases on the plan's grid; done once, before training.

Each case is written beside its final place and moved there in one step. A case that is already there, made by the
same plan from unchanged files, is left alone: the command can be killed and run again at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.files import beside, writing
from semivox.core.plan import Plan
from semivox.core.processes.claims import Claims
from semivox.core.processes.pool import each
from semivox.core.split import Split
from semivox.data.formats import volume as files
from semivox.data.formats.scan import READING
from semivox.data.formats.sources import files_of, fresh_digest_of
from semivox.data.prepared.intensity import standardizing
from semivox.data.prepared.labels import class_indices, partly_annotated, sample_foreground
from semivox.data.prepared.normalize import normalize
from semivox.data.prepared.resampling import resample_label, target_spacing
from semivox.data.prepared.store import (
    CLAIMS,
    LAYOUT,
    CaseRecord,
    SourceFile,
    Store,
    case_folder,
    make_place,
    open_array,
)

if TYPE_CHECKING:
    from semivox.data.dataset import Dataset


FLOAT16_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class PrepareTask:
    """What one worker needs to prepare one case. Without ``label`` the label is not opened, wherever it may be."""

    name: str
    images: tuple[Path, ...]
    label: Path | None
    plan: Plan
    out: Path
    annotated: tuple[str, ...] | None = None
    """Classes that were looked for; None: all."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that will be opened."""
        return self.images if self.label is None else (*self.images, self.label)


def prepare(
    dataset: Dataset,
    split: Split,
    plan: Plan,
    out: Path,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Store:
    """Prepare every case of the split and return the store.

    Labels are prepared for labeled and validation cases; those of unlabeled and test cases are never opened.
    ``workers`` processes hold one scan each (0: in this process). ``progress(done, total)`` is called after each case.
    Raises InputError naming the file that could not be prepared; the cases done so far are kept; and for a folder that
    holds something else.
    """
    make_place(out)
    plan.save(out / "plan.json")
    tasks = _tasks(dataset, split, plan, out)
    for done, _ in enumerate(_run(tasks, workers), start=1):
        if progress is not None:
            progress(done, len(tasks))
    return Store(out)


def _tasks(dataset: Dataset, split: Split, plan: Plan, out: Path) -> list[PrepareTask]:
    """One task per case of the split. Raises InputError for cases that are missing or lack a needed label."""
    entries = {entry.name: entry for entry in dataset.entries}
    with_label = {*split.labeled, *split.validation}
    tasks = []
    for name in (*split.labeled, *split.unlabeled, *split.validation, *split.test):
        if name not in entries:
            raise InputError(f"case {name!r} of the split is not in {dataset.root}")
        entry = entries[name]
        if name in with_label and entry.label is None:
            raise InputError(f"case {name!r} has no label in {dataset.root}, but the split needs one")
        label = entry.label if name in with_label else None
        tasks.append(PrepareTask(name, entry.images, label, plan, out, entry.annotated if label else None))
    return tasks


def _run(tasks: list[PrepareTask], workers: int) -> Iterator[None]:
    """Do the tasks that are not done yet, in this process or in ``workers`` others; one yield per task."""
    missing = [task for task in tasks if not _up_to_date(task)]
    yield from [None] * (len(tasks) - len(missing))
    for _ in each(prepare_case, missing, workers, _described):
        yield


def _described(task: PrepareTask) -> str:
    return f"case {task.name!r} ({', '.join(map(str, task.paths))})"


def prepare_case(task: PrepareTask) -> None:
    """Prepare one case. Raises InputError naming the case and its files."""
    try:
        with Claims(task.out / CLAIMS) as claims, claims.claim(task.name, wait=True):
            if not _up_to_date(task):  # another process, which shares the folder, may have done it meanwhile
                _write(task)
    except (InputError, OSError, ValueError) as error:
        raise InputError(f"{_described(task)}: {error}") from error


def _write(task: PrepareTask) -> None:
    """Read, normalize, and put the case in its place in one step."""
    sources = tuple(_source(path) for path in task.paths)  # before reading, too
    volume = files.read(task.images)
    label = None if task.label is None else _read_label(task.label, volume, task.plan, task.annotated)
    source_shape, affine = volume.source.shape, volume.source.affine
    old_shape, old_spacing = volume.shape, volume.spacing
    image = normalize(volume, task.plan)
    del volume
    if max(-image.min(), image.max()) > FLOAT16_MAX:
        remedy = f"standardize each scan: {standardizing(len(image))}"
        raise InputError(f"values beyond {FLOAT16_MAX:g} cannot be stored; {remedy}")
    shape = (image.shape[1], image.shape[2], image.shape[3])
    arrays = {"image": image.astype(np.float16)}
    del image
    if label is not None:
        arrays["label"] = resample_label(label, shape)
        arrays["foreground"] = sample_foreground(arrays["label"], task.name)
    content = hashlib.sha256()
    for key in sorted(arrays.keys() & {"image", "label"}):
        content.update(arrays[key].tobytes())
    content.update(repr(task.annotated).encode() if task.annotated else b"")  # other classes may be meant by a voxel
    record = CaseRecord(
        name=task.name,
        plan=task.plan.digest(),
        sources=sources,
        source_shape=source_shape,
        source_affine=tuple(tuple(map(float, row)) for row in affine),
        channels=len(arrays["image"]),
        shape=shape,
        spacing=target_spacing(old_shape, old_spacing, shape),
        labeled=label is not None,
        annotated=task.annotated,
        content=content.hexdigest()[:16],
        reading=READING,
    )
    _place(case_folder(task.out, task.name), arrays, record)


def _place(folder: Path, arrays: dict[str, np.ndarray], record: CaseRecord) -> None:
    """Write into a folder beside the final one, then rename: a half-written case is never seen."""
    temporary = beside(folder)
    with writing(folder):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            for key, array in arrays.items():
                _save(temporary / f"{key}.npy", array)
            record.save(temporary / "case.json")
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _save(path: Path, array: np.ndarray) -> None:
    """As np.save, by Python's own writes: numpy's can lose the last bytes on a full disk without a word."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
        file.flush()
        os.fsync(file.fileno())  # the case is renamed to its place as a folder, complete or not


def _read_label(path: Path, volume: Volume, plan: Plan, annotated: tuple[str, ...] | None) -> np.ndarray:
    """The label on the image's canonical grid as class indices (X, Y, Z) uint8."""
    read = files.read_label(path, volume.source, plan.classes)
    files.require_same_place(read, volume)
    index = class_indices(read.array[0], plan)
    return index if annotated is None else partly_annotated(index, plan, annotated)


def _source(path: Path) -> SourceFile:
    """What a scan is now, with the bytes of all its files."""
    state = _state(path)  # before reading: a change during reading is noticed next time
    parts = files_of(path)
    stats = [file.stat() for file in parts]
    return SourceFile(
        path=str(path),
        size=sum(stat.st_size for stat in stats),
        modified_ns=max((stat.st_mtime_ns for stat in stats), default=0),
        state=state,
        sha256=_bytes_of(parts),
    )


def _state(path: Path) -> str:
    """A hash of what the system says of a scan's files. The time of change is part of it, which, unlike that of
    modification, no program can set: also bytes that were exchanged with the times put back are noticed."""
    stats = [(file.name, file.stat()) for file in files_of(path)]
    said = [(name, s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _bytes_of(parts: Sequence[Path]) -> str:
    return hashlib.sha256(" ".join(fresh_digest_of(file) for file in parts).encode()).hexdigest()


def _unchanged(path: Path, before: SourceFile) -> bool:
    """Whether a scan holds the bytes that it held; read only where the system says something else of its files."""
    return before.state == _state(path) or before.sha256 == _bytes_of(files_of(path))


def _up_to_date(task: PrepareTask) -> bool:
    """Whether the case on disk is whole and was made by this plan from these files, unchanged since."""
    folder = case_folder(task.out, task.name)
    wanted = ("image",) if task.label is None else ("image", "label")
    try:
        record = CaseRecord.load(folder / "case.json")
        arrays = [open_array(folder / f"{key}.npy") for key in wanted]
        same = len(record.sources) == len(task.paths) and all(map(_unchanged, task.paths, record.sources))
    except (InputError, OSError, ValueError):
        return False  # absent, cut short, or of another version: it is made again, which reports what is wrong
    wanted_record = (LAYOUT, READING, task.plan.digest(), task.label is not None, task.annotated)
    made_alike = (record.layout, record.reading, record.plan, record.labeled, record.annotated) == wanted_record
    whole = all(array.shape[-3:] == record.shape for array in arrays)
    return made_alike and whole and same
