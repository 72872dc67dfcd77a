"""Does a start on invented shapes help a short supervised training? Three arms, scored on scans that nothing chose.

    python benchmarks/starts.py RUNS --hippocampus DIR --head-neck DIR --out results/benchmarks --steps 4000
    python benchmarks/starts.py RUNS --hippocampus DIR --head-neck DIR --out results/benchmarks --part test

Pretrains the small V-Net by ``semivox pretrain --invented`` (4000 steps are about 13 minutes of one quiet core), then
trains it from random weights, from the start, and from the start with half the learning rate. Validation scans are of
the pool, beyond the labeled ones; whoever has chosen by them asks once for the test scans. What is done stays done:
run it again after an interruption. Minutes are processor time.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

from semivox import api
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data import layouts
from semivox.methods.method import OptimizerConfig

ARMS = ("random", "start", "half")
"""Random weights; the start; the start with half the learning rate."""


@dataclass(frozen=True)
class Data:
    """Who is labeled, validated and tested of a data set's sorted names, and how long is trained."""

    name: str
    labeled: slice
    validation: slice
    test: slice
    steps: tuple[int, ...]
    seeds: tuple[int, ...]

    def split(self, folder: Path) -> Split:
        """The three parts by name; the rest of the pool is left out."""
        names = sorted(entry.name for entry in layouts.find(folder).entries)
        parts = {part: tuple(names[getattr(self, part)]) for part in ("labeled", "validation", "test")}
        return Split(**parts)


DATA = (
    Data("hippocampus", slice(8), slice(100, 130), slice(-60, None), (120, 300), (1, 2)),
    Data("head-neck", slice(6), slice(20, 25), slice(-16, None), (400,), (1, 2)),
)


@dataclass(frozen=True)
class Score:
    """Mean Dice over classes and scans of one training."""

    data: str
    part: str
    steps: int
    seed: int
    arm: str
    dice: float
    minutes: float
    """Of training; 0 where it was trained by an earlier call."""


def plan_of(data: Data, folder: Path, steps: int, runs: Path) -> Plan:
    """One plan for all arms of a data set, measured on nothing, so that all are trained in the same precision."""
    kept = runs / f"{data.name}.plan.json"
    if not kept.exists():
        fields = {"precision": "bf16-mixed", "channels_last": True}
        wanted: dict[str, Any] = {"network": "small", "steps": 200, "fields": fields}
        api.plan(folder, split=data.split(folder), method="supervised", workers=0, **wanted).save(kept)
    return Plan.load(kept).model_copy(update={"steps": steps, "reasons": {}, "forecast": None})


def score(data: Data, folder: Path, steps: int, seed: int, arm: str, part: str, runs: Path) -> Score:
    """Train one arm where that is not done, label the scans of a part, and score them."""
    out, began = runs / f"{data.name}-{steps}-{seed}-{arm}", time.process_time()
    settings: dict[str, Any] = {"seed": seed, "workers": 0, "save_every": 0.5}
    settings |= {} if arm == "random" else {"start": str(runs / "pre")}
    options = {"network": {"rate": OptimizerConfig().rate / 2}} if arm == "half" else {}
    plan, split = plan_of(data, folder, steps, runs), data.split(folder)
    prepared = runs / f"{data.name}-prepared"
    asked: dict[str, Any] = {"options": options, "settings": settings, "plan": plan, "split": split}
    api.train(folder, out, method="supervised", prepared=prepared, **asked)
    minutes = (time.process_time() - began) / 60
    scans, references = (runs / f"{data.name}-{part}-{kind}" for kind in ("scans", "references"))
    entries = {entry.name: entry for entry in layouts.find(folder).entries}
    for name in getattr(split, part):
        for place, file in ((scans, entries[name].images[0]), (references, entries[name].label)):
            assert file is not None, f"{name} has no label"
            place.mkdir(exist_ok=True)
            if not (place / f"{name}.nii.gz").exists():
                (place / f"{name}.nii.gz").symlink_to(file.resolve())
    api.predict(out, scans, runs / f"{out.name}-{part}")
    dice: dict[str, list[float]] = {}
    for row in api.evaluate(references, runs / f"{out.name}-{part}"):
        assert row.dice is not None, f"{row.case} has no Dice"
        dice.setdefault(row.class_name, []).append(row.dice)
    mean = sum(sum(values) / len(values) for values in dice.values()) / len(dice)
    return Score(data.name, part, steps, seed, arm, round(mean, 4), round(minutes, 2))


def main() -> None:
    """See the module."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    for data in DATA:
        parser.add_argument(f"--{data.name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    asked = vars(parser.parse_args())
    runs, part = asked["runs"].resolve(), asked["part"]
    runs.mkdir(parents=True, exist_ok=True)
    api.pretrain(None, runs / "pre", plan={"network": "small", "steps": asked["steps"]}, settings={"workers": 0})
    table = asked["out"] / "starts.csv"
    rows = list(csv.DictReader(table.open(encoding="utf-8"))) if table.exists() else []
    known = {(row["data"], row["part"], row["steps"], row["seed"], row["arm"]) for row in rows}
    for data in DATA:
        places = [(steps, seed, arm) for steps in data.steps for seed in data.seeds for arm in ARMS]
        for steps, seed, arm in places:
            if (data.name, part, str(steps), str(seed), arm) in known:
                continue
            rows.append(asdict(score(data, asked[data.name.replace("-", "_")], steps, seed, arm, part, runs)))
            with table.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[-1]))
                writer.writeheader()
                writer.writerows(rows)
            print(*rows[-1].values(), flush=True)


if __name__ == "__main__":
    main()
