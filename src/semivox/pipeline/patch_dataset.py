"""A data set of fixed patches from one of scans: images, labels, a table of cases, and how hard each patch is."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.dataset import CaseFiles, Dataset
from semivox.data.fixed_patches import Patch, PatchChoice, brought_to, cut, places
from semivox.data.formats.volume import read, read_grid, read_label, require_same_place, write_label, write_map
from semivox.evaluation.difficulty import FILE, write_difficulty
from semivox.evaluation.shape_model import ShapeModel
from semivox.functional.surface import surface_distances
from semivox.inference.jobs import safe_name
from semivox.pipeline.progress import ProgressDisplay, Quiet

COLUMNS = ("case_id", "label", "split", "group")


def make_patches(
    data: Path, out: Path, choice: PatchChoice, split: Split | None = None, progress: ProgressDisplay | None = None
) -> int:
    """Cut patches of every scan of the split into ``out`` and return how many there are.

    Parts are by scan, so no scan gives patches to two. Patches of labeled and unlabeled scans are the training part:
    a study decides which of them are labeled. Labels of unlabeled scans stay closed, so their patches have none.
    Raises InputError where ``out`` is not empty or no patch fits.
    """
    progress = progress or Quiet()
    dataset = layouts.find(data)
    split = split or layouts.default_split(dataset)
    if partly := [entry.name for entry in dataset.entries if entry.annotated is not None]:
        raise InputError(f"in {partly[0]!r} only some classes were looked for, which patches do not keep; leave it out")
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; give another --out, or empty it")
    parts = {"training": (*split.labeled, *split.unlabeled), "validation": split.validation, "test": split.test}
    closed = set(split.unlabeled)
    models = _models(dataset, split.labeled, choice, progress)
    rows: list[dict[str, str]] = []
    hard: dict[str, float] = {}
    names = [(part, name) for part, listed in parts.items() for name in listed]
    with progress.bar("cutting patches") as count:
        for done, (part, name) in enumerate(names, 1):
            entry = dataset.entry(name)
            entry = replace(entry, label=None) if name in closed else entry
            rows += _cut(entry, part, choice, models, out, hard, dataset)
            count(done, len(names))
    if not rows:
        raise InputError(f"no patch of {choice.size} voxels fits the scans in {data}; lower --size or --foreground")
    _describe(out, dataset, rows)
    write_difficulty(out / FILE, hard)
    return len(rows)


def _models(
    dataset: Dataset, names: Sequence[str], choice: PatchChoice, progress: ProgressDisplay
) -> dict[int, ShapeModel]:
    """A shape model of each class, from whole labels of training scans."""
    masks: dict[int, list[np.ndarray]] = {}
    spacings: dict[int, list[tuple[float, float, float]]] = {}
    with progress.bar("reading shapes") as count:
        for done, name in enumerate(names, 1):
            path = dataset.entry(name).label
            assert path is not None
            label = brought_to(
                read_label(path, read_grid(dataset.entry(name).images[0]), dataset.classes), choice.spacing, True
            )
            for value in (int(v) for v in np.unique(label.array) if v not in (0, dataset.ignore)):
                masks.setdefault(value, []).append(label.array[0] == value)
                spacings.setdefault(value, []).append(label.spacing)
            count(done, len(names))
    return {value: ShapeModel.fit(masks[value], spacings[value]) for value in masks}


def _brought(
    entry: CaseFiles, choice: PatchChoice, classes: Sequence[ClassInfo] | None
) -> tuple[Volume, Volume | None]:
    """Image and label at the patches' spacing. Raises InputError where the label does not lie on the image."""
    image = read(entry.images)
    label = read_label(entry.label, image.source, classes) if entry.label else None
    if label is not None:
        try:
            require_same_place(label, image)
        except InputError as error:
            raise InputError(f"{entry.label}: {error}") from error
        label = brought_to(label, choice.spacing, True)
    return brought_to(image, choice.spacing, False), label


def _classes(label: Volume | None, ignore: int | None) -> np.ndarray | None:
    """(X, Y, Z) bool: where a class is drawn; what nobody annotated shows none."""
    return None if label is None else (label.array[0] != 0) & (label.array[0] != (0 if ignore is None else ignore))


def _cut(
    entry: CaseFiles,
    part: str,
    choice: PatchChoice,
    models: Mapping[int, ShapeModel],
    out: Path,
    hard: dict[str, float],
    dataset: Dataset,
) -> list[dict[str, str]]:
    """Write the patches of one scan; their rows of cases.csv. Notes the difficulty of each in ``hard``."""
    image, label = _brought(entry, choice, dataset.classes)
    usual = {} if label is None else {v: model.reconstruct(label.array[0] == v, label.spacing)
                                      for v, model in models.items()}  # fmt: skip
    rows = []
    for index, patch in enumerate(places(entry.name, image.shape, choice, _classes(label, dataset.ignore))):
        name = f"{entry.name}_p{index:03d}"
        row = {"case_id": name, "label": "", "split": part, "group": entry.group or entry.name}
        piece = cut(image, patch)
        for channel, array in enumerate(piece.array, 1):
            file = f"images/{safe_name(name)}{'' if len(piece.array) == 1 else f'_{channel:04d}'}.nii.gz"
            write_map(out / file, array, piece.grid)
            row["image" if channel == 1 else f"image_{channel}"] = file
        if label is not None:
            row["label"] = f"labels/{safe_name(name)}.nii.gz"
            drawn = cut(label, patch)
            write_label(out / row["label"], drawn.array[0], drawn.grid)
            if (score := _deviation(drawn, usual, patch)) is not None:
                hard[name] = score
        rows.append(row)
    return rows


def _deviation(label: Volume, usual: Mapping[int, np.ndarray], patch: Patch) -> float | None:
    """HD95 in mm between a patch's label and the same patch of the scan's reconstruction, mean over its classes."""
    found = [
        surface_distances(np.ascontiguousarray(whole[patch.box]), label.array[0] == value, label.spacing)
        for value, whole in usual.items()
    ]
    known = [one.hd95() for one in found if one is not None]
    return float(np.mean(known)) if known else None


def _describe(out: Path, dataset: Dataset, rows: Sequence[Mapping[str, str]]) -> None:
    """Write cases.csv, and dataset.json with the names of classes and channels where they are known."""
    images = sorted({column for row in rows for column in row if column.startswith("image")}, key=lambda c: (len(c), c))
    with (out / "cases.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, ["case_id", *images, *COLUMNS[1:]])
        table.writeheader()
        table.writerows(rows)
    description: dict[str, object] = {}
    if dataset.classes:
        described = {info.name: info.value for info in dataset.classes}
        description["labels"] = described | ({} if dataset.ignore is None else {"ignore": dataset.ignore})
    if dataset.channels:
        description["channel_names"] = {str(index): name for index, name in enumerate(dataset.channels)}
    if description:
        (out / "dataset.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
