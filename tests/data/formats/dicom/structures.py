"""Two structures beside each other, and the CT that they belong to, in several directions."""

from __future__ import annotations

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats import volume
from tests.data.formats.dicom import made_up

SHAPE = (8, 14, 11)  # slices, rows, columns


COS, SIN = np.cos(np.radians(20)), np.sin(np.radians(20))


DIRECTIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "negated": (-1, 0, 0, 0, -1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "oblique": (COS, SIN, 0, -SIN * 0.8, COS * 0.8, 0.6),
}


def boxes() -> dict[str, np.ndarray]:
    """Two structures beside each other, (slices, rows, columns)."""
    liver, spleen = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    liver[2:6, 3:9, 2:5] = True
    liver[3, 4, 3] = False
    spleen[1:4, 5:12, 6:10] = True
    return {"liver": liver, "spleen": spleen}


def truth(masks: dict[str, np.ndarray]) -> np.ndarray:
    """(slices, rows, columns) with 1, 2, ..."""
    return sum(number * mask.astype(int) for number, mask in enumerate(masks.values(), 1))


def scan(tmp_path, name: str = "axial") -> tuple[list[list[float]], Grid]:
    """A CT of this direction: positions of its slices, its grid."""
    turn = np.array(DIRECTIONS[name], float)
    step = 3 * np.cross(turn[:3], turn[3:])
    tags = {"ImageOrientationPatient": [f"{value:.12g}" for value in turn]}
    made_up.series(tmp_path / "ct", made_up.noise(SHAPE), step=[float(f"{value:.9f}") for value in step], **tags)
    positions = [list(step * index) for index in range(SHAPE[0])]
    return positions, volume.read_grid(tmp_path / "ct")
