"""Which prediction belongs to which reference, and both read onto one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semivox.core.errors import InputError
from semivox.core.geometry import Grid, Spacing
from semivox.core.plan import ClassInfo
from semivox.core.plurals import plural
from semivox.core.spelling import not_there
from semivox.data.checks.drawing import is_gray
from semivox.data.formats import registry
from semivox.data.formats.orientation import corner_distance
from semivox.data.formats.volume import read_label, stem
from semivox.data.layouts import benchmark

SAME_PLACE_MM = 0.01
"""Corners closer than this, or than 1 % of a voxel, are the same place: headers store positions as float32."""
MOST_LABELS = 256
"""A file with more distinct values than this is an image, not a label."""
NAMED_AT_MOST = 10
"""How many cases an error message lists before it only counts."""


@dataclass(frozen=True)
class Pair:
    """The two label files of one case."""

    case: str
    reference: Path
    prediction: Path


@dataclass(frozen=True)
class LoadedPair:
    """The two label maps of one case, on the reference's grid in RAS+ orientation."""

    reference: np.ndarray
    """(X, Y, Z) integers."""
    prediction: np.ndarray
    """(X, Y, Z) integers."""
    spacing: Spacing
    """mm, from the reference's header."""
    diagonal_mm: float
    """Length of the scan's diagonal."""


def find_pairs(reference: Path, prediction: Path) -> list[Pair]:
    """Pair the label files of two folders (or two single files) by case name, in the order of names.

    Predictions without a reference are left alone: they cannot be scored. Raises InputError for a reference without
    a prediction, since leaving such a case out would flatter the result.
    """
    if reference.is_file() and prediction.is_file():
        return [Pair(stem(reference), reference, prediction)]
    references, predictions = _label_files(reference), _label_files(prediction)
    if not references:
        raise InputError(f"{reference} holds no label file to compare with; readable are {registry.readable()}")
    if missing := [case for case in references if case not in predictions]:
        raise InputError(
            f"{prediction} has no prediction for {_listed(missing)}, of {len(references)} references in {reference}. "
            "Predict these cases too, or remove their references from the folder; a prediction is found by its name, "
            "which must equal the reference's."
        )
    return [Pair(case, references[case], predictions[case]) for case in references]


def load_pair(pair: Pair, classes: Sequence[ClassInfo] | None = None) -> LoadedPair:
    """Read both label maps of a case; names of classes in a file decide which value is which of ``classes``.

    Raises InputError naming the file that is unreadable or stands elsewhere.
    """
    prediction = read_label(pair.prediction, classes=classes)
    reference = read_label(pair.reference, prediction.source, classes)
    _check_same_grid(pair, reference.grid, prediction.grid)
    spacing, shape = reference.spacing, reference.shape
    diagonal = float(np.linalg.norm(np.multiply(shape, spacing)))
    return LoadedPair(reference.array[0], prediction.array[0], spacing, diagonal)


def label_values(labels: np.ndarray, path: Path) -> set[int]:
    """The distinct values of a label map. Raises InputError if they are an image's: too many, or too mixed."""
    if labels.dtype.kind == "u" and labels.dtype.itemsize <= 2:
        occupied = np.zeros(int(labels.max(initial=0)) + 1, bool)
        occupied[labels] = True  # one pass without sorting
        values = np.flatnonzero(occupied)
    else:
        values = np.unique(labels)
    if len(values) > MOST_LABELS or is_gray(labels, int(np.count_nonzero(values))):
        raise InputError(
            f"{path} holds {len(values)} distinct values from {values[0]} to {values[-1]}: "
            "this looks like an image, where a label map is needed"
        )
    return {int(value) for value in values}


def _label_files(folder: Path) -> dict[str, Path]:
    """The label files of a folder by case name. Raises InputError for a missing folder or two files of one name."""
    if benchmark.matches(folder):
        return {entry.name: entry.label for entry in benchmark.find(folder).entries if entry.label is not None}
    if not folder.exists():
        raise InputError(f"{not_there(folder)}; give a folder of label files")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give the folder of label files")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and any(path.glob("*.dcm")):
            raise InputError(f"{path} is a folder of DICOM files; give each label as a file (DICOM SEG, NIfTI, NRRD)")
        if path.name.startswith(".") or not registry.suffix_of(path):
            continue
        if (case := stem(path)) in found:
            raise InputError(f"{folder} holds two files for the case {case!r}: {found[case].name} and {path.name}")
        found[case] = path
    return found


def _check_same_grid(pair: Pair, reference: Grid, prediction: Grid) -> None:
    """Raise InputError unless both label maps have the same voxels at the same places."""
    if prediction.shape != reference.shape:
        raise InputError(
            f"{pair.prediction} has {prediction.shape} voxels, its reference {pair.reference} has {reference.shape} "
            "(in RAS+ orientation); a prediction must stand on its scan's grid"
        )
    distance = corner_distance(reference, prediction)
    if distance > max(SAME_PLACE_MM, 0.01 * min(reference.spacing)):
        raise InputError(
            f"{pair.prediction} does not stand where its reference {pair.reference} stands: their corners are up to "
            f"{distance:.3g} mm apart (spacing {_millimeters(prediction.spacing)} and "
            f"{_millimeters(reference.spacing)} mm); write the prediction with its scan's affine"
        )


def _millimeters(spacing: Spacing) -> str:
    return " x ".join(f"{length:.4g}" for length in spacing)


def _listed(cases: list[str]) -> str:
    """``3 cases (a, b, c)``, shortened where there are many."""
    shown = ", ".join(cases[:NAMED_AT_MOST]) + (", ..." if len(cases) > NAMED_AT_MOST else "")
    return f"{plural(len(cases), 'case')} ({shown})"
