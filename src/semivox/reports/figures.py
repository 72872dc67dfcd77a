"""Figures that readers of comparisons expect: learning curves, differences case by case, critical differences.

Each function draws onto a figure of its own and returns it; ``png`` and ``save`` turn it into bytes and files.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from semivox.core.plurals import plural
from semivox.core.randomness import generator
from semivox.evaluation.ranks import Ranking
from semivox.methods.titles import shown

INK, SOFT, GOOD, BAD = "#1d2327", "#5c6770", "#0b7a4b", "#b3361b"
"""The report's own colors."""
MARKERS = "osD^vPX<>*"


@dataclass(frozen=True)
class Point:
    """A mean and its interval at one number of labeled cases."""

    labeled: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Strip:
    """The differences of one arm from its twin, case by case."""

    name: str
    differences: Mapping[str, float]
    mean: float
    low: float | None
    high: float | None
    verdict: str


def learning_curves(curves: Mapping[str, Sequence[Point]], heading: str) -> Figure:
    """A line per method over the number of labeled cases, with 95 % intervals, points set apart a little."""
    figure, axes = _canvas(7.2, 4.4)
    counts = sorted({point.labeled for points in curves.values() for point in points})
    for index, (name, points) in enumerate(curves.items()):
        apart = 1.012 ** (index - (len(curves) - 1) / 2)  # so that intervals do not hide each other
        x = [point.labeled * apart for point in points]
        ink, dashed = color(index), "--" if name.startswith("supervised") else "-"
        axes.plot(x, [point.mean for point in points], dashed, color=ink, marker=MARKERS[index % len(MARKERS)], ms=5,
                  lw=1.6, label=plain(name))  # fmt: skip
        for at, point in zip(x, points, strict=True):
            if point.low is not None and point.high is not None:
                axes.plot([at, at], [point.low, point.high], color=ink, lw=1.0, alpha=0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("labeled cases")
    axes.set_ylabel(heading)
    _legend(figure, axes)
    return figure


def paired_differences(strips: Sequence[Strip], heading: str, higher_is_better: bool, noun: str = "case") -> Figure:
    """A row per arm: a dot for each case's difference from the twin, and the mean with its interval.

    ``noun``: what a dot is, where it is not a case.
    """
    figure, axes = _canvas(7.2, 0.9 + 0.42 * len(strips))
    random = generator(0)
    for row, strip in enumerate(strips):
        values = np.array(list(strip.differences.values()))
        gains = values > 0 if higher_is_better else values < 0
        height = row + random.uniform(-0.22, 0.22, len(values))
        axes.scatter(values, height, s=11, c=np.where(gains, GOOD, BAD), alpha=0.5, linewidths=0)
        if strip.low is not None and strip.high is not None:
            axes.plot([strip.low, strip.high], [row, row], color=INK, lw=2.2, solid_capstyle="butt")
        filled = INK if strip.verdict != "inconclusive" else "white"
        axes.plot([strip.mean], [row], "D", ms=6, mfc=filled, mec=INK)
    axes.axvline(0, color=SOFT, lw=0.9)
    axes.set_yticks(range(len(strips)), [plain(strip.name) for strip in strips])
    axes.set_ylim(len(strips) - 0.4, -0.6)
    axes.set_xlabel(f"{heading}: difference from the supervised twin, a dot per {noun}")
    axes.grid(axis="y", visible=False)
    return figure


def critical_differences(ranking: Ranking, heading: str, noun: str = "case") -> Figure:
    """Mean ranks on a line, best at the left; a bar joins methods that are not told apart (Demsar 2006).

    ``noun``: what was ranked on, where it is not a case.
    """
    count = len(ranking.names)
    left = (count + 1) // 2
    top, rows = 0.55 + 0.24 * len(ranking.cliques), max(left, count - left)
    figure = Figure(figsize=(7.2, 0.9 + 0.3 * (top + rows)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(0.2 - 0.34 * count, count + 0.8 + 0.34 * count)
    axes.set_ylim(-(top + rows) - 0.3, 1.6)
    axes.plot([1, count], [0, 0], color=INK, lw=1.2)
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, 0.16], color=INK, lw=1)
        axes.text(tick, 0.24, str(tick), ha="center", va="bottom", fontsize=8, color=INK)
    note = f"smallest corrected p of all pairs = {ranking.p_value:.2g}, {ranking.repeats} repeats"
    if (distance := ranking.critical_difference) is not None:
        axes.plot([1, min(1 + distance, count)], [1.05, 1.05], color=INK, lw=1.6, marker="|", ms=6)
        note = f"critical difference {distance:.2f}; Friedman p = {ranking.p_value:.2g}"
    note = f"{note}, {plural(ranking.cases, noun)}, mean rank by {heading}"
    axes.text(1, 1.15, note, fontsize=8, color=INK, va="bottom")
    for index, (name, mean) in enumerate(zip(ranking.names, ranking.ranks, strict=True)):
        on_left = index < left
        depth = -(top + (index if on_left else count - 1 - index)) - 0.2
        end = 0.7 if on_left else count + 0.3
        axes.plot([mean, mean, end], [0, depth, depth], color=SOFT, lw=0.9)
        axes.text(end + (-0.08 if on_left else 0.08), depth, f"{plain(name)}  {mean:.2f}",
                  ha="right" if on_left else "left", va="center", fontsize=9, color=INK)  # fmt: skip
    places = dict(zip(ranking.names, ranking.ranks, strict=True))
    for level, clique in enumerate(ranking.cliques):
        height = -0.24 - 0.24 * level
        ends = [places[clique[0]] - 0.04, places[clique[-1]] + 0.04]
        axes.plot(ends, [height, height], color=INK, lw=2.6, solid_capstyle="butt")
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a picture for a page."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


def save(figure: Figure, path: Path) -> None:
    """The figure as a file for a paper (SVG or PDF by its name); the same figure gives the same file."""
    import matplotlib

    when = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None}
    with matplotlib.rc_context({"svg.hashsalt": "semivox"}):
        figure.savefig(path, facecolor="white", metadata=when)


def color(index: int) -> str:
    """The color of the arm at this place, for up to twenty arms."""
    red, green, blue, _ = colormaps["tab20"]((index * 2) % 20 + (index // 10) % 2)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def plain(text: str) -> str:
    """Names are shown as they are: a dollar sign would start a formula, an underscore would hide from a legend."""
    return shown(text).replace("$", r"\$").replace("_", " ").strip() or "-"


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dfe3e6", lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9)
    return figure, axes


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", frameon=False, fontsize=8.5)
