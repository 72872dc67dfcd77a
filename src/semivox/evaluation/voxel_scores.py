"""Scores as the left-atrium tables print them: distances in voxels, and ASD from prediction to reference only.

Not to be preferred: a voxel of one scan is not that of another, a directed distance ignores what was missed, and the
published codes record a missed object with all scores 0, so with a perfect distance. They exist to stand beside
published numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from semivox.core.csv_files import unescape, write_csv
from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.frozen import Frozen
from semivox.core.reading import text_of
from semivox.evaluation.score import Empty, score_classes


class VoxelRow(Frozen):
    """A case, a class, and its scores; None: not defined."""

    case: str
    class_name: str
    dice: float | None
    jaccard: float | None
    hd95_voxels: float | None
    """95th percentile of the pooled distances of both directions, as medpy's."""
    asd_voxels: float | None
    """Mean distance from the predicted surface to the reference, as medpy's ``asd(prediction, reference)``."""
    empty: Empty


def voxel_rows(
    case: str,
    prediction: np.ndarray,
    reference: np.ndarray,
    classes: Sequence[tuple[str, int]],
    ignore: int | None = None,
    missed_is_zero: bool = False,
) -> list[VoxelRow]:
    """The scores of each class (name, label value); ``missed_is_zero`` as the published codes record an empty mask.

    ``prediction`` and ``reference``: (X, Y, Z) integers.
    """
    values = [value for _, value in classes]
    scores = score_classes(prediction, reference, (1.0, 1.0, 1.0), values, ignore)
    rows = []
    for (name, _), one in zip(classes, scores, strict=True):
        zero = 0.0 if missed_is_zero and one.empty == "prediction" else None
        rows.append(
            VoxelRow(
                case=case,
                class_name=name,
                dice=one.dice,
                jaccard=one.jaccard,
                hd95_voxels=one.hd95_mm if zero is None else zero,
                asd_voxels=one.asd_mm if zero is None else zero,
                empty=one.empty,
            )
        )
    return rows


def write_voxel_rows(path: Path, rows: Sequence[VoxelRow]) -> None:
    """Write rows as CSV, replacing the file in one step."""
    write_csv(path, list(VoxelRow.model_fields), (row.model_dump().values() for row in rows))


def read_voxel_rows(path: Path) -> list[VoxelRow]:
    """Read them back. Raises InputError naming the file and the column."""
    try:
        rows = csv.DictReader(io.StringIO(text_of(path), newline=""), restkey="(beyond the last column)", restval="")
        cells = [{key: unescape(str(value)) or None for key, value in row.items()} for row in rows]
        return [VoxelRow.model_validate(row) for row in cells]
    except csv.Error as error:
        raise InputError(f"{path} is not a table of scores in voxels: {error}") from error
    except ValidationError as error:
        raise InputError(f"{path} is not a table of scores in voxels:\n{explain(error)}") from error
