"""What unlabeled scans brought on real scans, in one picture: every gain that results/*/table.csv holds.

    python results/draw_gains.py [docs/img/gains.png]

A line is the 95 % interval of the difference in mean Dice to the supervised twin of the same setting, a dot the
difference; it is full where the verdict is "better" or "worse", and empty where it is open.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent
SETTINGS = {
    "hn-6-draws": "Head and neck CT\n6 labeled, three draws",
    "la-4-minutes": "Left atrium MR\n4 labeled, three draws",
    "hc-minutes": "Hippocampus MR\n4, 8 and 16 labeled, three draws",
    "la-4-draws": "Left atrium MR\n4 labeled, two draws",
    "la-4": "Left atrium MR\n4 labeled, one draw",
    "la-8": "Left atrium MR\n8 labeled, one draw",
    "hc-8": "Hippocampus MR\n8 labeled, one draw",
}
"""Folder -> its title."""
COLORS = {"better": "#1b7837", "worse": "#b2182b"}


class Gain(NamedTuple):
    """A method's difference in mean Dice to its twin, with the ends of the 95 % interval."""

    method: str
    mean: float
    low: float
    high: float
    verdict: str


def gains(folder: str) -> list[Gain]:
    """All gains of a table, the largest first."""
    from semivox.methods.titles import shown

    with (ROOT / folder / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["score"] == "dice" and row["difference"]]
    several = len({row["labeled"] for row in rows}) > 1
    found = [
        Gain(
            shown(row["arm"]) + (f", {row['labeled']} labeled" if several else ""),
            float(row["difference"]),
            float(row["difference_low"]),
            float(row["difference_high"]),
            row["verdict"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda gain: -gain.mean)


def draw(path: Path) -> None:
    """Write the picture."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    tables = {title: gains(folder) for folder, title in SETTINGS.items()}
    heights = [len(found) + 1.0 for found in tables.values()]
    figure, panels = pyplot.subplots(
        len(tables), figsize=(7.5, 0.21 * sum(heights) + 0.8), sharex=True, height_ratios=heights, layout="constrained"
    )
    for panel, (title, found) in zip(panels, tables.items(), strict=True):
        for place, gain in enumerate(reversed(found)):
            color = COLORS.get(gain.verdict, "#555555")
            panel.plot([gain.low, gain.high], [place, place], color=color, linewidth=1.4)
            fill = color if gain.verdict in COLORS else "white"
            panel.plot(gain.mean, place, "o", color=color, markerfacecolor=fill, markersize=5)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(range(len(found)), [gain.method for gain in reversed(found)], fontsize=8)
        panel.set_ylim(-0.7, len(found) - 0.3)
        panel.set_title(title.replace("\n", ", "), fontsize=9, loc="left")
        panel.grid(axis="x", alpha=0.25)
    panels[-1].set_xlim(-0.3, 0.3)
    panels[-1].set_xlabel("difference in mean Dice to the supervised twin, with its 95 % interval", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "docs" / "img" / "gains.png")
