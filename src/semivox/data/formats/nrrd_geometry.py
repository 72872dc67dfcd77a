"""Which axes of an NRRD file are space, which one holds channels, and where the voxels stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semivox.core.geometry import Grid
from semivox.data.formats.orientation import is_usable
from semivox.data.formats.scan import ScanError
from semivox.data.formats.text_headers import NUMBER, numbers
from semivox.data.remarks import Remark

SPACES = {
    "right-anterior-superior": (1, 1, 1), "ras": (1, 1, 1), "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1),
}  # fmt: skip
"""Name of a space -> the signs that lead from it to RAS+. All others are taken as LPS, as ITK does."""
OTHER_SPACES = (
    *("scanner-xyz", "3d-right-handed", "3d-left-handed", "rast", "last", "lpst"),
    *("scanner-xyz-time", "3d-right-handed-time", "3d-left-handed-time"),
    *(f"{name}-time" for name in SPACES),
)
"""Names of the format that do not say where the patient's right is; and those with time."""
SPATIAL = ("domain", "space", "???", "none", "")
"""Kinds of axes along which voxels lie in space (or of which nothing is said)."""
VECTOR = re.compile(r"\(([^()]*)\)|(none)", re.IGNORECASE)

Vectors = list[list[float] | None]
"""The direction of each axis, None for one outside of space."""


@dataclass(frozen=True)
class Axes:
    """The axes of a file in our order."""

    grid: Grid
    channels: int
    dims: tuple[int, ...]
    """Sizes as in the file, the fastest axis first."""
    space: tuple[int, int, int]
    """Which axes of the file are x, y, z of its grid."""
    kind: str = ""
    """What the axis of channels holds, such as ``list`` or ``vector``; empty: nothing is said."""
    remarks: tuple[Remark, ...] = ()

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Numbers (count,) as they stand in the file -> (C, X, Y, Z)."""
        array = values.reshape(self.dims, order="F")
        others = [axis for axis in range(len(self.dims)) if axis not in self.space]
        return array.transpose(*others, *self.space).reshape(self.channels, *self.grid.shape)


def axes_of(path: Path, fields: dict[str, str], dims: tuple[int, ...]) -> Axes:
    """The axes that the header's fields describe. Raises ScanError."""
    if fields.get("dimension", "") != str(len(dims)):
        text = f"{path}: the header gives {fields.get('dimension')!r} dimensions and {len(dims)} sizes."
        raise ScanError("bad_header", text, "Export it again.")
    kinds = [kind.lower() for kind in fields.get("kinds", "").split()] or [""] * len(dims)
    if len(kinds) != len(dims):
        raise ScanError("bad_header", f"{path}: kinds must be {len(dims)} words.", "Export it again.")
    name = fields.get("space", "scanner-xyz").lower()
    if name not in SPACES and name not in OTHER_SPACES:
        raise ScanError("bad_header", f"{path}: the format knows no space {name[:40]!r}.", "Export it again.")
    if fields.get("space dimension", "3") not in ("3", "4"):
        text = f"{path}: a space of {fields['space dimension'][:40]!r} dimensions holds no volume."
        raise ScanError("bad_header", text, "Export it again.")
    vectors = _vectors(path, fields, len(dims))
    if vectors is not None:
        space = [axis for axis, vector in enumerate(vectors) if vector is not None and any(vector[:3])]
        if strange := [kinds[axis] for axis in space if kinds[axis] not in SPATIAL]:
            text = f"{path}: an axis with a direction in space is of the kind {strange[0][:40]!r}."
            raise ScanError("bad_header", text, "Export it again.")
    else:
        space = [axis for axis, kind in enumerate(kinds) if kind in SPATIAL][:3]
    others = [axis for axis in range(len(dims)) if axis not in space]
    if vectors is not None and None in vectors and len(space) < 3 <= sum(size > 1 for size in dims):
        none = sum(vector is None for vector in vectors)
        raise ScanError(
            "bad_affine",
            f"{path}: the header gives no direction for {none} of {len(dims)} axes (space directions: none), so it "
            "does not say where the voxels lie.",
            "Export the scan again with the directions of all three axes.",
        )
    if len(space) == 2 and vectors is not None:
        raise ScanError("bad_affine", f"{path}: the header's axes do not span a volume.", "Rewrite the header.")
    if len(space) != 3 or sum(dims[axis] > 1 for axis in others) > 1:
        raise ScanError("not_3d", f"{path} is not a volume: its size is {dims}.", "Give the 3D scan.")
    x, y, z = space
    affine, remarks = _affine(path, fields, vectors, (x, y, z), len(dims))
    if not is_usable(affine):
        raise ScanError("bad_affine", f"{path}: the header's axes do not span a volume.", "Rewrite the header.")
    channels = int(np.prod([dims[axis] for axis in others], dtype=int))
    kind = next((kinds[axis] for axis in others), "")
    return Axes(Grid((dims[x], dims[y], dims[z]), affine), channels, dims, (x, y, z), kind, remarks)


def _vectors(path: Path, fields: dict[str, str], count: int) -> Vectors | None:
    """The direction of each axis, None for one outside of space; None if the header gives no directions."""
    text = fields.get("space directions")
    if text is None:
        return None
    found = VECTOR.findall(text)
    if len(found) != count or VECTOR.sub("", text).strip():
        raise ScanError("bad_header", f"{path}: space directions must be {count} vectors.", "Export it again.")
    return [None if none else _vector(path, "space directions", inner) for inner, none in found]


def _vector(path: Path, name: str, inner: str) -> list[float]:
    """Numbers between brackets: three, or four where time is a dimension of space."""
    words = inner.split(",")
    if len(words) not in (3, 4):
        raise ScanError("not_3d", f"{path}: {name} has vectors of {len(words)} numbers.", "Give the 3D scan.")
    return numbers(path, name, " ".join(words), len(words))


def _affine(
    path: Path,
    fields: dict[str, str],
    vectors: Vectors | None,
    space: tuple[int, int, int],
    count: int,
) -> tuple[np.ndarray, tuple[Remark, ...]]:
    """(4, 4): voxel indices along x, y, z of the file -> RAS+ mm.

    Without directions, the axes are those of LPS whatever the space is, and the origin counts all the same, as in ITK.
    """
    name = fields.get("space", "").lower().removesuffix("-time")
    signs = SPACES.get(name[:3] if len(name) == 4 and name.endswith("t") else name, (-1, -1, 1))
    affine = np.eye(4)
    if vectors is not None:
        affine[:3, :3] = np.transpose([(vectors[axis] or [0, 0, 0])[:3] for axis in space])
    else:
        edges = _scalars(path, fields, "spacings", count, 1.0)
        starts = _scalars(path, fields, "axis mins", count, 0.0)
        centers = fields.get("centers", "").lower().split()
        for place, axis in enumerate(space):
            cell = "axis mins" in fields and (centers[axis : axis + 1] or ["cell"])[0] != "node"
            affine[place, place] = edges[axis]
            affine[place, 3] = starts[axis] + (edges[axis] / 2 if cell else 0)
    if "space origin" in fields:
        affine[:3, 3] = _origin(path, fields["space origin"])
    turn = np.diag([*(signs if vectors is not None else (-1, -1, 1)), 1.0])
    result = turn @ affine
    if "space origin" in fields:
        result[:3, 3] = np.multiply(signs, affine[:3, 3])
    return result, _remarks(fields, vectors)


def _origin(path: Path, text: str) -> list[float]:
    """Where the first voxel lies, in the space of the header. Raises ScanError."""
    inner = VECTOR.fullmatch(text)
    if inner is None or inner[2]:
        raise ScanError("bad_header", f"{path}: space origin must be a vector.", "Export it again.")
    return _vector(path, "space origin", inner[1])[:3]


def _scalars(path: Path, fields: dict[str, str], name: str, count: int, default: float) -> list[float]:
    """One number an axis; ``nan`` and a missing field stand for the default."""
    if name not in fields:
        return [default] * count
    words = fields[name].split()
    if len(words) != count or not all(word.lower() == "nan" or NUMBER.fullmatch(word) for word in words):
        raise ScanError("bad_header", f"{path}: {name} must be {count} numbers.", "Export it again.")
    return [default if word.lower() == "nan" else float(word) for word in words]


def _remarks(fields: dict[str, str], vectors: Vectors | None) -> tuple[Remark, ...]:
    """A file without geometry, or in a unit that programs pass over."""
    found = []
    if vectors is None and "spacings" not in fields:
        text = "the header gives no geometry; voxels are taken as 1 mm, the axes as left, back, up"
        found.append(Remark("no_geometry", text, "Export again with geometry, or check a picture."))
    units = {unit.lower() for unit in re.findall(r'"([^"]*)"', fields.get("space units", ""))} - {
        "mm",
        "",
        "millimeter",
    }
    if units:
        text = f"the header names the unit {', '.join(sorted(units))}; like other programs, it is read as mm"
        found.append(Remark("units", text, "Rewrite the header in mm.", "note"))
    return tuple(found)
