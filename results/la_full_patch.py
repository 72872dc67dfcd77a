"""The left-atrium recipes of SASSNet and UA-MT at full size: 112 x 112 x 80 voxels, V-Net of 9.4 million parameters.

    python results/la_full_patch.py LA RUNS --hours 1.5

LA is the benchmark's folder (``NAME/mri_norm2.h5``, ``train.list``). Trains the two runs in turn, as far as the hours
allow, by the command that a user gives; the same call resumes both where they stopped, up to the 6000 steps of the
recipes. Afterwards, and with ``--hours 0`` alone, the losses of every step so far are written to
``results/la-full-patch/`` (``curve.csv``, ``curve.png``). What ``--set`` gives overrules the recipe; without a GPU a
step takes a third of the computing with ``--set plan.precision=bf16-mixed --set plan.channels_last=true``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

RECIPES = {"sassnet": "la-2020", "ua_mt": "la-2019"}
LABELED = 16
HERE = Path(__file__).parent / "la-full-patch"
SMOOTHED = 5
"""Steps of which the curve shows the mean."""


def train(data: Path, run: Path, seconds: float, sets: list[str]) -> None:
    """Train, or resume, for so long; stopping as Ctrl-C does, which saves."""
    command = [sys.executable, "-m", "semivox", "train", str(data), "-o", str(run), "--method", run.name]
    command += ["--recipe", RECIPES[run.name], "--labeled", str(LABELED), "--workers", "0"]
    command += [word for one in sets for word in ("--set", one)]
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    began = time.monotonic()
    with subprocess.Popen(command, env=environment) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait()
    print(f"{run.name}: {time.monotonic() - began:.0f} s, exit code {process.returncode}", flush=True)
    if process.returncode not in (0, 75):  # 75: stopped, saved
        raise SystemExit(process.returncode)


def rows(run: Path) -> Iterator[dict[str, object]]:
    """A row for every loss of every step; of a step that was done twice, after a kill, the last."""
    found: dict[tuple[int, str], dict[str, object]] = {}
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "terms" in entry:
            for term, value in entry["terms"].items():
                found[entry["step"], term] = {
                    "method": run.name,
                    "step": entry["step"],
                    "loss": term,
                    "value": f"{value:.6g}",
                    "weight": f"{entry['weights'].get(term, 1.0):.6g}",
                    "rate": f"{entry['rate']:g}",
                }
    yield from (found[key] for key in sorted(found))


def steps_of(run: Path) -> int:
    """How many steps a run has done."""
    return len({row["step"] for row in rows(run)}) if (run / "log.jsonl").exists() else 0


def write(runs: list[Path]) -> None:
    """The table and the picture."""
    for run in runs:
        print(f"{run.name}: {steps_of(run)} steps")
    runs = [run for run in runs if steps_of(run)]
    table = [row for run in runs for row in rows(run)]
    HERE.mkdir(exist_ok=True)
    with (HERE / "curve.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["method", "step", "loss", "value", "weight", "rate"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    if runs:
        draw(runs, table)


def draw(runs: list[Path], table: list[dict[str, object]]) -> None:
    """A panel for each run."""
    figure = Figure((4.5 * len(runs), 3.5), layout="constrained")
    for axes, run in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs, strict=True):
        curves = defaultdict[str, list[float]](list)
        for row in table:
            if row["method"] == run.name:
                curves[str(row["loss"])].append(float(str(row["value"])))
        for loss, values in curves.items():
            window = min(SMOOTHED, len(values))
            mean = [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]
            axes.plot(range(window, len(values) + 1), mean, label=loss)
        axes.set(title=f"{run.name} {RECIPES[run.name]}", xlabel=f"step (mean of {SMOOTHED})", ylabel="loss")
        axes.legend()
    figure.savefig(HERE / "curve.png", dpi=110)


def main() -> None:
    """Train and write, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="LA")
    parser.add_argument("runs", type=Path)
    parser.add_argument("--hours", type=float, required=True, help="of both together")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="instead of the recipe's value")
    chosen = parser.parse_args()
    runs = [chosen.runs / name for name in RECIPES]
    for run in runs if chosen.hours > 0 else ():
        train(chosen.data, run, chosen.hours * 3600 / len(runs), chosen.set)
    write(runs)


if __name__ == "__main__":
    main()
