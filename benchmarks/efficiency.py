"""Dice per minute of one thread: how good is the supervised network after how long, and where does its curve end?

    python benchmarks/efficiency.py RUNS --hippocampus DIR --left-atrium DIR --head-neck DIR --out results/benchmarks

Each point is a training of its own from the first step, since the learning rate follows the number of steps; trained
by ``semivox study`` with one thread, the last weights scored on test scans that chose nothing. Minutes are processor
time of training as cost.json has it, so that other work on the machine hardly matters. Run again to go on after an
interruption. Study files: results/grids/efficiency-*.toml.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

GRIDS = Path(__file__).parent.parent / "results" / "grids"
STEPS = {"hippocampus": (125, 250, 500, 1000, 2000), "head-neck": (250, 500, 1000, 2000), "left-atrium": (200, 800)}
"""Steps of each data set's points."""


@dataclass(frozen=True)
class Point:
    """A trained network: mean Dice over the test scans of a data set, and what training it took."""

    data: str
    labeled: int
    steps: int
    minutes: float
    dice: float
    low: float
    high: float
    scored: int


def train(data: str, folder: Path, steps: int, out: Path) -> None:
    """The runs of one number of steps; those that are done are left. Raises CalledProcessError."""
    semivox = [sys.executable, "-m", "semivox"]
    grid = GRIDS / f"efficiency-{data}.toml"
    study = ["study", grid, "--data", folder, "--out", out, "--processes", "1", "--set", f"plan.steps={steps}"]
    for words in (study, ["report", out]):
        subprocess.run([*semivox, *map(str, words)], check=True)


def points(data: str, steps: int, out: Path) -> list[Point]:
    """What a study folder's report and costs say."""
    found = []
    with (out / "report" / "table.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["score"] == "dice"]
    for row in rows:
        labeled = int(row["setting"].removeprefix("labeled-"))
        cost = json.loads((out / f"labeled-{labeled}/draw-0/seed-1/supervised/cost.json").read_text(encoding="utf-8"))
        mean, low, high = (float(row[name]) for name in ("mean", "low", "high"))
        found.append(Point(data, labeled, steps, cost["cpu_seconds"] / 60, mean, low, high, int(row["scored"])))
    return found


def write(measured: list[Point], out: Path) -> None:
    """efficiency.csv and efficiency.png."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "efficiency.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(Point.__dataclass_fields__)
        for point in measured:
            numbers = (point.minutes, point.dice, point.low, point.high)
            table.writerow([point.data, point.labeled, point.steps, *(f"{n:.3f}" for n in numbers), point.scored])
    names = list(dict.fromkeys(point.data for point in measured))
    figure, panels = pyplot.subplots(1, len(names), figsize=(4 * len(names), 3.2), squeeze=False, layout="constrained")
    for panel, name in zip(panels[0], names, strict=True):
        for labeled in sorted({point.labeled for point in measured if point.data == name}):
            curve = [point for point in measured if (point.data, point.labeled) == (name, labeled)]
            minutes, dice = [point.minutes for point in curve], [point.dice for point in curve]
            errors = [[p.dice - p.low for p in curve], [p.high - p.dice for p in curve]]
            panel.errorbar(minutes, dice, yerr=errors, marker="o", capsize=2, label=f"{labeled} labeled scans")
        panel.set(title=name, xlabel="minutes of one thread", ylabel="mean Dice of the test scans", xscale="log")
        panel.legend(loc="lower right")
    figure.savefig(out / "efficiency.png", dpi=110)


def main() -> None:
    """Train what is missing, then write table and figure of all that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    for data in STEPS:
        parser.add_argument(f"--{data}", type=Path)
    options = parser.parse_args()
    measured: list[Point] = []
    for data, counts in STEPS.items():
        folder = getattr(options, data.replace("-", "_"))
        for steps in counts if folder else ():
            out = options.runs / f"{data}-{steps}"
            train(data, folder, steps, out)
            measured += points(data, steps, out)
            write(measured, options.out)


if __name__ == "__main__":
    main()
