"""Pictures of surfaces in 3D: the reference in plain color, predictions colored by their distance from it in mm.

Seen from the front, the patient's right on the left. Surfaces are drawn by marching cubes through a mask that was
blurred by less than a voxel, for the eye; distances are from the mask itself: red outside the reference, blue inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import edt
import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LightSource, Normalize, to_rgb
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.measure import marching_cubes

from semivox.core.case import IGNORE
from semivox.core.geometry import Spacing
from semivox.methods.titles import shown
from semivox.reports.overlay import color

BLUR = 0.6
"""Voxels of standard deviation by which a mask is blurred before its surface is drawn."""
LIMIT_MM = 5.0
"""Distances from here on have the strongest color."""
TRIANGLES = 12_000
"""Of one surface: finer ones are drawn with larger steps."""
INVENTED = "#7a3e9d"
"""Of a class that the reference lacks, so that there is no distance."""
VIEW = (12.0, 80.0)
"""Degrees above the horizon, and around: a little to the side of the front."""
PANEL = 2.3
"""Inches of a picture's edge."""


@dataclass(frozen=True)
class Shape3D:
    """The surface of one class."""

    corners: np.ndarray
    """(N, 3) mm, from the first voxel of the scan."""
    triangles: np.ndarray
    """(M, 3) numbers of corners."""
    distance: np.ndarray | None
    """(N,) signed mm from the reference, above 0 outside; None: there is no reference of this class."""
    value: int
    """Class index."""


@dataclass(frozen=True)
class SurfaceRow:
    """One case: a label map (X, Y, Z) of class indices for each column, in canonical orientation."""

    title: str
    labels: Mapping[str, np.ndarray]
    reference: np.ndarray | None
    spacing: Spacing
    notes: Mapping[str, str]
    """Column -> a word under its picture, such as its Dice."""


def surface(label: np.ndarray, value: int, spacing: Spacing, reference: np.ndarray | None = None) -> Shape3D | None:
    """The surface of a class, and how far each corner of it is from the reference's; None where it has no voxel."""
    mask = label == value
    if not mask.any():
        return None
    box = tuple(
        slice(max(int(hit[0]) - 2, 0), int(hit[-1]) + 3)
        for axis in range(3)
        for hit in [np.flatnonzero(mask.any(tuple(other for other in range(3) if other != axis)))]
    )
    blurred = gaussian_filter(np.pad(mask[box], 2).astype(np.float32), BLUR)
    level = min(0.5, float(blurred.max()) / 2)  # a thin structure may nowhere reach a half
    step, corners, triangles = 1, *_cubes(blurred, level, 1)
    while len(triangles) > TRIANGLES and step < 6:
        step += 1
        corners, triangles = _cubes(blurred, level, step)
    voxels = corners - 2 + np.array([edge.start for edge in box])
    return Shape3D(voxels * np.array(spacing), triangles, _distance(voxels, reference, value, spacing), value)


def surface_figure(rows: Sequence[SurfaceRow], names: Sequence[str] = ()) -> Figure:
    """A row a case, a column a label map; the reference, where there is one, is the first column.

    ``names``: of the classes, background first, for the legend.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row.labels))
    figure = Figure(figsize=(PANEL * len(columns) + 0.9, PANEL * len(rows) + 0.6), facecolor="white")
    seen: set[int] = set()
    width, height = 0.88 / len(columns), 0.9 / len(rows)
    for index, row in enumerate(rows):
        shapes = {name: _shapes(label, row, name) for name, label in row.labels.items()}
        low, high = _extent([shape for own in shapes.values() for shape in own])
        for column, name in enumerate(columns):
            place = (0.03 + column * width, 0.94 - (index + 1) * height, width, height)
            axes: Any = figure.add_axes(place, projection="3d", computed_zorder=False)
            _dress(axes, low, high)
            for shape in shapes.get(name, []):
                seen.add(shape.value)
                axes.add_collection3d(_drawn(shape, plain=name == "reference" or row.reference is None))
            if index == 0:
                figure.text(place[0] + width / 2, 0.955, shown(name), ha="center", fontsize=9)
            if note := row.notes.get(name, ""):
                figure.text(place[0] + width / 2, place[1] + 0.005, note, ha="center", va="bottom", fontsize=7.5)
        middle = 0.94 - (index + 0.5) * height
        figure.text(0.012, middle, row.title, rotation=90, va="center", ha="center", fontsize=8)
    _scale(figure, sorted(seen), names)
    return figure


def _cubes(values: np.ndarray, level: float, step: int) -> tuple[np.ndarray, np.ndarray]:
    corners, triangles, _, _ = marching_cubes(values, level, step_size=step, allow_degenerate=False)
    return corners, triangles


def _distance(voxels: np.ndarray, reference: np.ndarray | None, value: int, spacing: Spacing) -> np.ndarray | None:
    """(N,) signed mm at places in voxels: to the face between the reference's voxels and others."""
    if reference is None or not (reference == value).any():
        return None
    mask = np.ascontiguousarray(reference == value)
    half = min(spacing) / 2  # distances are between centers; the face lies half way
    outside = edt.edt(~mask, anisotropy=spacing, black_border=False)
    inside = edt.edt(mask, anisotropy=spacing, black_border=False)
    signed = np.where(mask, half - inside, outside - half)
    return map_coordinates(signed, voxels.T, order=1, mode="nearest")


def _shapes(label: np.ndarray, row: SurfaceRow, name: str) -> list[Shape3D]:
    values = [int(value) for value in np.unique(label) if value not in (0, IGNORE)]
    reference = None if name == "reference" else row.reference
    found = [surface(label, value, row.spacing, reference) for value in values]
    return [shape for shape in found if shape is not None]


def _extent(shapes: Sequence[Shape3D]) -> tuple[np.ndarray, np.ndarray]:
    """A cube in mm around everything, the same for all pictures of a row."""
    if not shapes:
        return np.zeros(3), np.ones(3)
    corners = np.concatenate([shape.corners for shape in shapes])
    center, half = (corners.min(0) + corners.max(0)) / 2, float(np.ptp(corners, axis=0).max()) / 2 or 1.0
    return center - half, center + half


def _dress(axes: Any, low: np.ndarray, high: np.ndarray) -> None:
    for name, first, last in zip("xyz", low, high, strict=True):
        getattr(axes, f"set_{name}lim")(first, last)
    axes.set_box_aspect((1, 1, 1), zoom=1.45)
    axes.set_axis_off()
    axes.view_init(elev=VIEW[0], azim=VIEW[1])
    axes.set_proj_type("ortho")


def _drawn(shape: Shape3D, plain: bool) -> Poly3DCollection:
    """Shaded triangles: in the class's color, or by their distance from the reference."""
    faces = shape.corners[shape.triangles]
    if plain:
        ink = np.tile(to_rgb(color(shape.value)), (len(faces), 1))
    elif shape.distance is None:
        ink = np.tile(to_rgb(INVENTED), (len(faces), 1))
    else:
        scaled = Normalize(-LIMIT_MM, LIMIT_MM, clip=True)(shape.distance[shape.triangles].mean(1))
        ink = colormaps["coolwarm"](scaled)[:, :3]
    drawn = Poly3DCollection(faces, facecolors=_shaded(faces, ink), edgecolors="none", linewidths=0)
    drawn.set_rasterized(True)  # in files of lines, thousands of triangles are a picture
    return drawn


def _shaded(faces: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Light from the upper left of the viewer."""
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    light = np.array(LightSource(azdeg=60, altdeg=35).direction)
    return np.clip(ink * (0.62 + 0.38 * np.abs(normals @ light))[:, None], 0, 1)


def _scale(figure: Figure, classes: Sequence[int], names: Sequence[str]) -> None:
    """The scale of distances at the right, the classes' names below."""
    axes = figure.add_axes((0.925, 0.3, 0.012, 0.4))
    bar = figure.colorbar(ScalarMappable(Normalize(-LIMIT_MM, LIMIT_MM), "coolwarm"), cax=axes)
    bar.set_ticks([-LIMIT_MM, 0.0, LIMIT_MM], labels=[f"\N{MINUS SIGN}{LIMIT_MM:g}", "0", f"+{LIMIT_MM:g}"])
    bar.ax.tick_params(labelsize=7)
    bar.set_label("mm from the reference: + outside", fontsize=7)
    words = [(names[value] if value < len(names) else f"class {value}", color(value)) for value in classes]
    for index, (name, ink) in enumerate(words):
        left = 0.04 + index * 0.86 / max(len(words), 1)
        figure.text(left, 0.012, "\N{BLACK SQUARE}", color=ink, fontsize=8)  # a yellow name could not be read
        figure.text(left + 0.018, 0.012, name.replace("$", r"\$"), fontsize=8)
