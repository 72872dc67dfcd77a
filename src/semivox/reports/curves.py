"""Training curves from the rows of ``log.jsonl``, ready to be drawn as small panels on one page.

The result is plain numbers in the panel's own coordinates; the report's template turns them into SVG, so that no text
of a log reaches a page without being escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WIDTH, HEIGHT = 300, 150
"""Size of a panel's drawing area, in SVG units."""
POINTS = 240
"""A line is thinned to about so many points: more cannot be seen."""
SMOOTHING = 0.02
"""Time constant of the running mean, as a share of the run."""


@dataclass(frozen=True)
class Tick:
    """One mark on an axis: where it stands in SVG units, and its text."""

    at: float
    text: str


WORDS = {"nn": "neighbors' votes", "en": "entropy", "uncertain": "share of uncertain voxels"}
"""What abbreviations of methods' logs stand for."""


@dataclass(frozen=True)
class CurveLine:
    """One run in one panel."""

    run: str
    index: int
    """Position of the run among all runs; decides the color."""
    points: str
    """SVG coordinates "x,y x,y ..."."""


@dataclass(frozen=True)
class Panel:
    """One quantity over the steps of training, a line per run that logged it."""

    title: str
    lines: tuple[CurveLine, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def training_curves(logs: Mapping[str, Sequence[Mapping[str, Any]]], limit: int = 9) -> tuple[Panel, ...]:
    """Panels of the total, each loss term, and each logged value, in this order, at most ``limit`` of them.

    ``logs`` maps a run's name to its rows ``{"step", "player", "total", "terms", "log", ...}``. Lines are running
    means. Values that are missing or not finite are left out, and so is a panel without any value.
    """
    series: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for run, rows in logs.items():
        for row in rows:
            for title, value in _values(row):
                series.setdefault(title, {}).setdefault(run, []).append((int(row["step"]), value))
    order = sorted(series, key=lambda title: (title.partition(":")[0] not in ("total loss", "loss"), _rank(title)))
    runs = list(logs)
    return tuple(_panel(title, series[title], runs) for title in order[:limit])


def smooth(values: np.ndarray, time_constant: float) -> np.ndarray:
    """Exponential running mean of (N,) values, without a pull toward zero at the start; the constant is in rows."""
    keep = math.exp(-1 / max(time_constant, 1e-9))
    result = np.empty(len(values))
    total = weight = 0.0
    for i, value in enumerate(values):
        total, weight = keep * total + value, keep * weight + 1
        result[i] = total / weight
    return result


def _values(row: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Everything of one row that can be drawn, with the title of its panel."""
    player = row.get("player", "network")
    if player == "validation":
        found = [(f"validation {name}", row.get(name)) for name in ("dice", "hd95_mm")]
        return [(title, float(v)) for title, v in found if isinstance(v, int | float) and math.isfinite(v)]
    suffix = "" if player == "network" else f" ({player})"
    found = [(f"total loss{suffix}", row.get("total"))]
    found += [(f"loss: {_plain(name)}{suffix}", value) for name, value in row.get("terms", {}).items()]
    found += [(_plain(name), value) for name, value in row.get("log", {}).items()]
    return [(title, float(v)) for title, v in found if isinstance(v, int | float) and math.isfinite(v)]


def _plain(name: object) -> str:
    """A logged name in words."""
    return WORDS.get(str(name), str(name).replace("_", " "))


def _rank(title: str) -> tuple[bool, str]:
    return (not title.startswith("total loss"), title)


def _panel(title: str, by_run: Mapping[str, Sequence[tuple[int, float]]], runs: Sequence[str]) -> Panel:
    curves = {}
    for run, pairs in by_run.items():
        steps, values = np.array(pairs, float).T
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], smooth(values[order], SMOOTHING * len(values))
        thin = np.unique(np.linspace(0, len(steps) - 1, POINTS).astype(int))
        curves[run] = steps[thin], values[thin]
    last = max(float(steps[-1]) for steps, _ in curves.values()) or 1.0
    every = np.concatenate([values for _, values in curves.values()])
    across, up = ticks(0.0, last), ticks(float(every.min()), float(every.max()))
    bottom, top = min(up[0], float(every.min())), max(up[-1], float(every.max()))
    lines = []
    for run, (steps, values) in curves.items():
        x, y = steps / last * WIDTH, HEIGHT - (values - bottom) / (top - bottom) * HEIGHT
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(CurveLine(run, runs.index(run), points))
    return Panel(
        title,
        tuple(lines),
        tuple(Tick(value / last * WIDTH, f"{value:g}") for value in across if value <= last),
        tuple(Tick(HEIGHT - (value - bottom) / (top - bottom) * HEIGHT, f"{value:g}") for value in up),
    )


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers (1, 2 or 5 times a power of ten apart) that span [low, high] or nearly so."""
    if not high > low:
        margin = abs(low) * 0.5 or 0.5
        low, high = low - margin, high + margin
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    count = math.ceil(high / step - 1e-9) - first
    return [round((first + i) * step, 12) for i in range(count + 1)]
