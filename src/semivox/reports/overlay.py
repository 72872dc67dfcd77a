"""Pictures to judge a segmentation by: three slices with the contours of the reference and of each prediction.

The patient's right is on the left of the picture and the front of the body on the left of the sagittal one, as
radiologists read them; distances are true in mm. A class has the same color in every picture.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.ndimage import maximum_filter

from semivox.core.case import IGNORE
from semivox.core.geometry import Spacing
from semivox.methods.titles import shown

COLORS = ("#e69f00", "#56b4e9", "#2fd08f", "#f0e442", "#ff7f50", "#cc79a7", "#8fa8ff", "#b0e57c")
"""One per class, told apart by color-blind eyes too (first ones: Okabe and Ito, 2008, lightened for a black ground)."""
PLANES = (("axial", 2, 0, 1), ("coronal", 1, 0, 2), ("sagittal", 0, 1, 2))
"""Name, axis cut, axis drawn across (in reverse), axis drawn upward."""
HEAT = "inferno"
"""Colors of maps, here and in the viewer."""
MARGIN = 15.0
"""mm of surroundings shown around everything that is labeled."""
NAMES_IN_A_ROW = 4
PANEL = 2.7
"""Inches along the longer side of one picture."""


def overlay(
    image: np.ndarray,
    reference: np.ndarray | None,
    predictions: Mapping[str, np.ndarray],
    spacing: Spacing,
    names: Sequence[str] = (),
    maps: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """A PNG with one row per plane and one column per label map: the reference first, then every prediction, then maps.

    ``image`` is (X, Y, Z) or (C, X, Y, Z), of which the first channel is shown; label maps are (X, Y, Z) with class
    indices; canonical RAS+ orientation, spacing in mm. Each plane cuts where the reference (without one: the first
    prediction) shows the most of all classes. In the columns of predictions the reference is a thin white line.
    ``names`` are the classes', background first, for the legend. ``maps``: title -> (X, Y, Z) from 0, not shown, to 1.
    Raises ValueError where shapes differ.
    """
    image = image[0] if image.ndim == 4 else image
    columns = ({} if reference is None else {"reference": reference}) | dict(predictions)
    maps = maps or {}
    wrong = {name: array.shape for name, array in {**columns, **maps}.items() if array.shape != image.shape}
    if wrong or not columns:
        raise ValueError(f"every label map must have the image's shape {image.shape}, and one is needed; got {wrong}")
    cuts = _cuts(next(iter(columns.values())))
    low, high = _bounds(list(columns.values()), spacing)
    window = _window(image, list(columns.values()), spacing)
    classes = sorted({int(v) for label in columns.values() for v in np.unique(label)} - {0, IGNORE})

    figure, grid = _canvas((np.array(high) - low) * spacing, len(columns) + len(maps), _legend_rows(len(classes)))
    for row, (plane, cut, across, up) in enumerate(PLANES):
        for column, (title, shown_array) in enumerate({**columns, **maps}.items()):
            axes = grid[row][column]
            extent = _show(axes, np.take(image, cuts[cut], cut), window, (spacing[across], spacing[up]))
            if title in maps:
                _heat(axes, np.take(shown_array, cuts[cut], cut), extent)
            else:
                for value in classes:
                    _contour(axes, np.take(shown_array, cuts[cut], cut) == value, extent, color(value), 1.5)
            if reference is not None and shown_array is not reference:
                for value in classes:
                    _contour(axes, np.take(reference, cuts[cut], cut) == value, extent, "white", 0.5)
            axes.set_xlim(high[across] * spacing[across], low[across] * spacing[across])
            axes.set_ylim(low[up] * spacing[up], high[up] * spacing[up])
            if row == 0:
                axes.set_title(_plain(shown(title)), color="white", fontsize=9)
            if column == 0:
                axes.text(0.02, 0.98, plane, color="white", fontsize=7, transform=axes.transAxes, va="top")
                side = "A" if plane == "sagittal" else "R"
                axes.text(0.02, 0.5, side, color="white", fontsize=7, transform=axes.transAxes, va="center")
    _legend(figure, classes, names)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100, facecolor="black", metadata={"Software": None})
    return stream.getvalue()


def color(value: int) -> str:
    """The color of class ``value`` (1 is the first structure), the same in every picture."""
    return COLORS[(value - 1) % len(COLORS)]


def data_uri(png: bytes) -> str:
    """A PNG as text that a page can hold. Raises ValueError where the bytes are no PNG."""
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError(f"a picture of a report must be a PNG; these bytes begin with {png[:8]!r}")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _cuts(label: np.ndarray) -> tuple[int, ...]:
    """Per axis the slice that shows the most, each class counting by the share of its voxels."""
    values = [value for value in np.unique(label) if value not in (0, IGNORE)]
    if not values:
        return tuple(n // 2 for n in label.shape)
    masks = [label == value for value in values]
    cuts = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        cuts.append(int(np.argmax(sum(mask.sum(others) / mask.sum() for mask in masks))))
    return tuple(cuts)


def _bounds(labels: Sequence[np.ndarray], spacing: Spacing) -> tuple[list[int], list[int]]:
    """First and one past the last voxel to show along each axis."""
    anything = np.logical_or.reduce([(label > 0) & (label != IGNORE) for label in labels])
    shape = anything.shape
    if not anything.any():
        return [0, 0, 0], list(shape)
    low, high = [], []
    for axis in range(3):
        hit = np.flatnonzero(anything.any(tuple(other for other in range(3) if other != axis)))
        margin = int(np.ceil(MARGIN / spacing[axis]))
        low.append(max(int(hit[0]) - margin, 0))
        high.append(min(int(hit[-1]) + 1 + margin, shape[axis]))
    return low, high


def _window(image: np.ndarray, labels: Sequence[np.ndarray], spacing: Spacing) -> tuple[float, float]:
    """Darkest and brightest value to tell apart: what occurs on and within about 5 mm of what is labeled."""
    anything = np.logical_or.reduce([(label > 0) & (label != IGNORE) for label in labels])
    reach = [2 * round(5 / step) + 1 for step in spacing]
    near = maximum_filter(anything, size=reach) if anything.any() else np.ones(image.shape, bool)
    values = image[near].astype(np.float32)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    lower, upper = np.percentile(values, (2, 99))
    return float(lower - 0.15 * (upper - lower)), float(upper)


def _canvas(size: np.ndarray, columns: int, legend: int) -> tuple[Figure, list[list[Axes]]]:
    """A black figure whose rows are as high as their planes at one common scale; ``size`` in mm.

    ``legend``: rows of names below.
    """
    scale = PANEL / max(size[0], size[1])
    width = scale * max(size[0], size[1])
    heights = [scale * size[up] for _, _, _, up in PLANES]
    figure = Figure(figsize=(max(columns * width + 0.1, 3.0), sum(heights) + 0.35 + 0.25 * legend), facecolor="black")
    bottom, top = 0.25 * legend / figure.get_figheight(), 1 - 0.25 / figure.get_figheight()
    spec = figure.add_gridspec(
        3,
        columns,
        height_ratios=heights,
        left=0.01,
        right=0.99,
        bottom=bottom,
        top=top,
        wspace=0.02,
        hspace=0.02,
    )
    return figure, [[figure.add_subplot(spec[row, column]) for column in range(columns)] for row in range(3)]


def _show(
    axes: Axes, plane: np.ndarray, window: tuple[float, float], edges: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Draw one gray slice (across, up) and return where it lies in mm: left, right, bottom, top."""
    extent = (0.0, plane.shape[0] * edges[0], 0.0, plane.shape[1] * edges[1])
    lower, upper = window
    gray = np.nan_to_num(plane.astype(np.float32), nan=lower).T
    upper = max(upper, lower + 1e-6)  # a constant image is shown black
    axes.imshow(gray, origin="lower", extent=extent, cmap="gray", vmin=lower, vmax=upper, aspect="equal")
    axes.set_axis_off()
    return extent


def _heat(axes: Axes, plane: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    """Lay a map (across, up) from 0 to 1 over the slice: the higher, the brighter, the less one sees through it."""
    values = np.clip(plane.astype(np.float32), 0, 1).T
    seen = np.clip(1.5 * values, 0, 0.9)
    axes.imshow(values, origin="lower", extent=extent, cmap=HEAT, vmin=0, vmax=1, alpha=seen, aspect="equal")


def _contour(axes: Axes, mask: np.ndarray, extent: tuple[float, float, float, float], ink: str, width: float) -> None:
    """Outline a mask (across, up); a border of zeros closes the outline at the edge of the scan."""
    if not mask.any():
        return
    dx, dy = extent[1] / mask.shape[0], extent[3] / mask.shape[1]
    x, y = (np.arange(mask.shape[0] + 2) - 0.5) * dx, (np.arange(mask.shape[1] + 2) - 0.5) * dy
    axes.contour(x, y, np.pad(mask, 1).T.astype(np.float32), levels=[0.5], colors=[ink], linewidths=width)


def _legend_rows(classes: int) -> int:
    """How many rows of names a legend has; room for one is left in any case."""
    return max(-(-classes // NAMES_IN_A_ROW), 1)


def _legend(figure: Figure, classes: Sequence[int], names: Sequence[str]) -> None:
    handles = [Line2D([], [], color=color(value), linewidth=2) for value in classes]
    words = [_plain(names[value]) if value < len(names) else f"class {value}" for value in classes]
    if handles:
        figure.legend(
            handles,
            words,
            loc="lower center",
            ncols=min(len(words), NAMES_IN_A_ROW),
            frameon=False,
            fontsize=8,
            labelcolor="white",
        )


def _plain(text: str) -> str:
    """Names are shown as they are: a dollar sign would start a formula."""
    return text.replace("$", r"\$") if len(text) <= 40 else text[:37].replace("$", r"\$") + "..."
