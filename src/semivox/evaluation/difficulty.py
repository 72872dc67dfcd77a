"""How unusual the shape of each case is: its distance from what the shapes of training cases have in common.

The labels that build the shape models are those of training cases, also of ones that a study treats as unlabeled; so
it serves tables only, and nothing of it reaches a training.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from semivox.core.csv_files import unescape, write_csv
from semivox.core.errors import InputError
from semivox.core.reading import text_of
from semivox.data.dataset import Dataset
from semivox.data.formats.volume import read_grid, read_label
from semivox.evaluation.shape_model import ShapeModel

FILE = "difficulty.csv"
"""Case and score, beside cases.csv of a data set of patches, or in a study's report."""


def deviations(
    dataset: Dataset,
    training: Sequence[str],
    scored: Sequence[str],
    values: Sequence[int],
    count: Callable[[int, int], None],
) -> dict[str, float]:
    """Case -> surface deviation score in mm, mean over the classes (label ``values``) that the case shows."""
    models: dict[int, ShapeModel] = {}
    labels = [_label(dataset, name) for name in training if dataset.entry(name).label is not None]
    for value in values:
        masks = [(array == value, spacing) for array, spacing in labels if (array == value).any()]
        if masks:
            models[value] = ShapeModel.fit([mask for mask, _ in masks], [spacing for _, spacing in masks])
    found = {}
    for done, name in enumerate(scored, 1):
        array, spacing = _label(dataset, name)
        ours = [models[value].deviation(array == value, spacing) for value in models]
        if known := [one for one in ours if one is not None]:
            found[name] = float(np.mean(known))
        count(done, len(scored))
    return found


def write_difficulty(path: Path, found: Mapping[str, float]) -> None:
    """Write case and score, replacing the file in one step."""
    write_csv(
        path, ["case_id", "deviation_mm"], ([case, float(round(value, 4))] for case, value in sorted(found.items()))
    )


def read_difficulty(path: Path) -> dict[str, float]:
    """Read it back. Raises InputError naming the file."""
    try:
        rows = csv.DictReader(io.StringIO(text_of(path), newline=""))
        return {unescape(row["case_id"]): float(row["deviation_mm"]) for row in rows}
    except (InputError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a table of case_id,deviation_mm: {error}") from error


def _label(dataset: Dataset, name: str) -> tuple[np.ndarray, tuple[float, float, float]]:
    entry = dataset.entry(name)
    assert entry.label is not None
    volume = read_label(entry.label, read_grid(entry.images[0]) if entry.images else None, dataset.classes)
    return volume.array[0], volume.spacing
