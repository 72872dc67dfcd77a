"""Where a run was undecided on the scans that it is scored on: its entropy in 8 bits, small enough for every run."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np

from semivox.core.files import make_folder
from semivox.core.geometry import Grid
from semivox.data.formats.volume import read_label, write_label
from semivox.inference.jobs import safe_name

FOLDER = "maps"
"""Within a run."""
STEPS = 255
"""The value of a voxel of which the model knows nothing: all classes equally likely."""


def write_entropy(run: Path, case: str, entropy: np.ndarray, classes: int, grid: Grid) -> None:
    """Write the entropy (X, Y, Z), in nats, on its file's grid, as shares of ln K in steps of 1/255."""
    path = entropy_path(run, case)
    make_folder(path.parent)
    share = np.clip(entropy / log(max(classes, 2)), 0, 1)
    write_label(path, np.rint(share * STEPS).astype(np.uint8), grid)


def entropy_of(run: Path, case: str) -> np.ndarray | None:
    """Share of the largest entropy there is, (X, Y, Z) float32 in RAS+ orientation from 0 certain to 1 undecided.

    None where the run has none: it labeled its scans before there were any. Raises InputError for a damaged file.
    """
    path = entropy_path(run, case)
    return read_label(path).array[0].astype(np.float32) / STEPS if path.is_file() else None


def entropy_path(run: Path, case: str) -> Path:
    """Where the map of a case is."""
    return run / FOLDER / f"{safe_name(case)}_entropy.nii.gz"
