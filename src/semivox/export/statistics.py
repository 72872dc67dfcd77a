"""Volume, extent and mean intensity of each class in a label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.core.csv_files import Cell
from semivox.core.plan import ClassInfo
from semivox.data.formats.volume import read, read_label, require_same_place, stem
from semivox.export.named import read_named

HEADINGS = (
    "case", "class", "value", "voxels", "volume_ml",
    "first_x", "first_y", "first_z", "last_x", "last_y", "last_z", "mean_intensity",
)  # fmt: skip
"""Columns of the table; first and last are voxel indices of the bounding box in RAS+ orientation, both inside it."""


def class_rows(path: Path, classes: Sequence[ClassInfo], image: Path | None) -> list[tuple[Cell, ...]]:
    """A row a class, in the order of ``HEADINGS``; cells are empty where a class has no voxel or no image is given.

    The mean is over the image's first channel, in its own unit. Raises InputError if the image lies elsewhere.
    """
    _, segments = read_named(path, classes)
    label = read_label(path)
    scan = None if image is None else read([image])
    if scan is not None:
        require_same_place(label, scan)
    voxel_ml = abs(float(np.linalg.det(label.grid.affine[:3, :3]))) / 1000
    rows: list[tuple[Cell, ...]] = []
    for one in segments:
        inside = label.array[0] == one.value
        count = int(np.count_nonzero(inside))
        box: list[Cell] = [None] * 6
        mean: Cell = None
        if count:
            found = [np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
            box = [int(line[end]) for end in (0, -1) for line in found]
            mean = None if scan is None else float(scan.array[0][inside].mean(dtype=np.float64))
        rows.append((stem(path), one.name, one.value, count, count * voxel_ml, *box, mean))
    return rows
