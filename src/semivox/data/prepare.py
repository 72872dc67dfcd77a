"""From scans on disk to memory-mapped cases on the plan's grid; done once, before training.

Each case is written beside its final place and moved there in one step. A case that is already there, made by the
same plan from unchanged files, is left alone: the command can be killed and run again at any time.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from semivox.core.case import IGNORE, Volume
from semivox.core.errors import InputError, SemivoxError
from semivox.core.plan import Plan
from semivox.core.randomness import generator
from semivox.core.split import Split
from semivox.data import volume as files
from semivox.data.intensity import scale
from semivox.data.resampling import resample, resample_label, target_shape, target_spacing
from semivox.data.store import LAYOUT, CaseRecord, SourceFile, Store, case_folder

if TYPE_CHECKING:
    from semivox.data.layouts import Dataset

FOREGROUND_SAMPLE = 2000
"""Voxels kept per class as places to center patches on; far more than a run draws from one scan per epoch."""
FLOAT16_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Task:
    """What one worker needs to prepare one case. Without ``label`` the label is not opened, wherever it may be."""

    name: str
    images: tuple[Path, ...]
    label: Path | None
    plan: Plan
    out: Path


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
    Raises InputError naming the file that could not be prepared; the cases done so far are kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan.save(out / "plan.json")
    tasks = _tasks(dataset, split, plan, out)
    for done, _ in enumerate(_run(tasks, workers), start=1):
        if progress is not None:
            progress(done, len(tasks))
    return Store(out)


def normalize(volume: Volume, plan: Plan) -> np.ndarray:
    """A scan as the network sees it: intensities by the plan, then the plan's voxel size. The same for every use.

    Volume (C, X, Y, Z) -> (C, X', Y', Z') float32. Raises InputError if the number of channels is not the plan's.
    """
    if len(volume.array) != len(plan.channels):
        wanted = ", ".join(plan.channels)
        raise InputError(
            f"the scan has {len(volume.array)} channel(s), the plan expects {len(plan.channels)} ({wanted})"
        )
    shape = target_shape(volume.shape, volume.spacing, plan.spacing)
    result = np.empty((len(volume.array), *shape), np.float32)
    for index, (channel, intensity) in enumerate(zip(volume.array, plan.intensity, strict=True)):
        result[index] = resample(scale(channel, intensity)[None], shape)[0]
    return result


def class_indices(label: np.ndarray, plan: Plan) -> np.ndarray:
    """Label values of the file -> class indices of the plan; the plan's ignore value becomes ``IGNORE``.

    Any number type, any shape -> uint8, same shape. Raises InputError listing values that the plan does not know.
    """
    known = {item.value: index for index, item in enumerate(plan.classes)}
    if plan.ignore is not None:
        known[plan.ignore] = IGNORE
    whole = label
    if not np.issubdtype(label.dtype, np.integer):
        whole = np.rint(label)
        if not np.abs(whole - label).max(initial=0) <= 1e-3:
            raise InputError("the label holds values that are not whole numbers; is it a probability map or an image?")
    low, high = int(whole.min()), int(whole.max())
    if low < 0 or high > 65535:
        raise InputError(f"the label holds values from {low} to {high}; the plan knows {sorted(known)}")
    whole = whole.astype(np.uint16, copy=False)
    present = np.flatnonzero(np.bincount(whole.ravel()))
    unknown = [str(value) for value in present if value not in known]
    if unknown:
        some = ", ".join(unknown[:10]) + (" ..." if len(unknown) > 10 else "")
        raise InputError(f"the label holds the value(s) {some}; the plan knows {sorted(known)}")
    table = np.zeros(high + 1, np.uint8)
    for value in present:
        table[value] = known[int(value)]
    return table[whole]


def sample_foreground(label: np.ndarray, name: str) -> np.ndarray:
    """Up to 2000 random voxels of each foreground class, the same ones for the same case name.

    (X, Y, Z) class indices -> (N, 4) int32 rows of class, x, y, z; classes ascending.
    """
    stream = generator(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    flat = label.ravel()
    foreground = np.flatnonzero((flat > 0) & (flat != IGNORE))
    rows = []
    for value in np.unique(flat[foreground]):
        voxels = foreground[flat[foreground] == value]
        chosen = stream.choice(voxels, min(len(voxels), FOREGROUND_SAMPLE), replace=False)
        place = np.stack(np.unravel_index(np.sort(chosen), label.shape), axis=1)
        rows.append(np.column_stack([np.full(len(place), value), place]))
    return np.concatenate(rows).astype(np.int32) if rows else np.empty((0, 4), np.int32)


def _tasks(dataset: Dataset, split: Split, plan: Plan, out: Path) -> list[Task]:
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
        tasks.append(Task(name, entry.images, entry.label if name in with_label else None, plan, out))
    return tasks


def _run(tasks: list[Task], workers: int) -> Iterator[None]:
    """Do all tasks, in this process or in ``workers`` others; one yield per finished task."""
    if workers <= 0:
        for task in tasks:
            prepare_case(task)
            yield
        return
    context = multiprocessing.get_context("spawn")  # fork is unsafe once torch or ITK have started threads
    pool = ProcessPoolExecutor(min(workers, len(tasks) or 1), mp_context=context)
    try:
        pending = {pool.submit(prepare_case, task) for task in tasks}
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
                yield
    except BrokenProcessPool as error:
        raise SemivoxError("a worker was killed, most likely for lack of memory; use fewer workers") from error
    finally:
        pool.shutdown(cancel_futures=True)


def prepare_case(task: Task) -> None:
    """Prepare one case unless it is there already. Raises InputError naming the case and its file."""
    paths = [*task.images, *([task.label] if task.label else [])]
    try:
        sources = tuple(_source(path) for path in paths)
        if _up_to_date(task, sources):
            return
        _write(task, sources)
    except (InputError, OSError, ValueError) as error:
        raise InputError(f"case {task.name!r} ({', '.join(map(str, paths))}): {error}") from error


def _write(task: Task, sources: tuple[SourceFile, ...]) -> None:
    """Read, normalize, and put the case in its place in one step."""
    volume = files.read(task.images)
    label = None if task.label is None else _read_label(task.label, volume, task.plan)
    source_shape, affine = volume.source.shape, volume.source.affine
    old_shape, old_spacing = volume.shape, volume.spacing
    image = normalize(volume, task.plan)
    del volume
    if max(-image.min(), image.max()) > FLOAT16_MAX:
        raise InputError(f"values beyond {FLOAT16_MAX:g} cannot be stored; use the intensity scheme 'zscore' or 'ct'")
    shape = (image.shape[1], image.shape[2], image.shape[3])
    arrays = {"image": image.astype(np.float16)}
    del image
    if label is not None:
        arrays["label"] = resample_label(label, shape)
        arrays["foreground"] = sample_foreground(arrays["label"], task.name)
    content = hashlib.sha256()
    for key in sorted(arrays.keys() & {"image", "label"}):
        content.update(arrays[key].tobytes())
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
        content=content.hexdigest()[:16],
    )
    _place(case_folder(task.out, task.name), arrays, record)


def _place(folder: Path, arrays: dict[str, np.ndarray], record: CaseRecord) -> None:
    """Write into a folder beside the final one, then rename: a half-written case is never seen."""
    temporary = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for key, array in arrays.items():
        np.save(temporary / f"{key}.npy", array)
    record.save(temporary / "case.json")
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)


def _read_label(path: Path, volume: Volume, plan: Plan) -> np.ndarray:
    """The label on the image's canonical grid as class indices (X, Y, Z) uint8."""
    read = files.read_label(path)
    if read.shape != volume.shape:
        raise InputError(f"the label's shape is {read.shape}, the image's {volume.shape} (both in RAS+)")
    apart = float(np.linalg.norm(read.grid.corners() - volume.grid.corners(), axis=1).max())
    if apart > min(volume.spacing) / 2:
        raise InputError(f"label and image lie up to {apart:.2f} mm apart in space; run check for the fix")
    return class_indices(read.array[0], plan)


def _source(path: Path) -> SourceFile:
    """Size and time of a file, or of all files of a DICOM folder together."""
    stats = [item.stat() for item in (sorted(path.iterdir()) if path.is_dir() else [path])]
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    return SourceFile(path=str(path), size=sum(stat.st_size for stat in stats), modified_ns=newest)


def _up_to_date(task: Task, sources: tuple[SourceFile, ...]) -> bool:
    """Whether the case on disk is whole and was made by this plan from these files."""
    folder = case_folder(task.out, task.name)
    wanted = ("image",) if task.label is None else ("image", "label")
    try:
        record = CaseRecord.load(folder / "case.json")
        arrays = [np.load(folder / f"{key}.npy", mmap_mode="r") for key in wanted]
    except (InputError, OSError, ValueError):
        return False  # absent, cut short, or of another version: it is made again
    made_alike = (record.layout, record.plan, record.labeled) == (LAYOUT, task.plan.digest(), task.label is not None)
    whole = all(array.shape[-3:] == record.shape for array in arrays)
    return made_alike and whole and record.sources == sources
