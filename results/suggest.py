"""Is what `semivox suggest` names worth more than a random choice? From 4 to 16 labels' worth, hidden labels revealed.

    python results/suggest.py HIPPOCAMPUS RUNS/suggest [--draws 3] [--steps 300] [--unit boxes]

Cases sorted by name: the first 140 are the pool, the last 60 are scored and never chosen from. A draw begins with 4
random whole scans; each of three rounds adds what a strategy names and trains a supervised model from scratch:

- scans: 4 whole scans a round, `suggested` (a third at random, the rest class-weighted entropy with noise) against
  `random`. Every scan of this set shows both structures, so foreground-aware random is plain random here.
- boxes: 30 boxes of 20 x 20 x 20 voxels a round, about as many voxels as 4 scans, all else ignored: `suggested`,
  `aware` (foreground-aware random, by the model's prediction) and `random` boxes.

Nothing is chosen on the scored scans. Can be stopped and started again; `curve.csv` has a line a round, and
`semivox` itself is asked for every part: choice, training, prediction, scores.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from semivox.core.randomness import generator
from semivox.core.split import Split
from semivox.data.dataset import Dataset
from semivox.data.formats.orientation import to_canonical
from semivox.data.formats.volume import read, read_label, to_source, write_label
from semivox.data.layouts.recognize import find
from semivox.evaluation.aggregation import case_means
from semivox.inference.predictor import ScanPredictor
from semivox.pipeline.options import RunOptions
from semivox.pipeline.predict import label_entries, predictor_of, score_entries
from semivox.pipeline.train import train_one
from semivox.rounds.acquisition import Box, steepness
from semivox.rounds.choice import Pick, random_count, random_scans, uncertain_boxes, uncertain_scans
from semivox.rounds.likeness import description_of, standardized
from semivox.rounds.measured import Measured, measured
from semivox.rounds.random_boxes import random_box

POOL, START, SCANS, BOXES, ROUNDS = 140, 4, 4, 30, 3
SIZE = (20, 20, 20)
IGNORE = 255
STRATEGIES = {"scans": ("suggested", "random"), "boxes": ("suggested", "aware", "random")}
STREAM = 0x5E66
PLAN = {
    "spacing": (1.0, 1.0, 1.0),
    "patch": (24, 32, 24),
    "network": "small",
    "fields": {"intensity": [{"scheme": "zscore"}], "labeled_per_step": 2},
}
Labels = dict[str, list[Box] | None]
"""Case -> the boxes of it that are labeled; None: all of it."""


def main() -> None:
    """Do what is left of the study, draw by draw, and write the curve after each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--unit", choices=[*STRATEGIES, "both"], default="both")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = find(asked.data)
    for draw in range(asked.draws):
        for unit in STRATEGIES if asked.unit == "both" else (asked.unit,):
            for strategy in STRATEGIES[unit]:
                for row in follow(dataset, asked.out, draw, unit, strategy, asked.steps):
                    add(asked.out / "curve.csv", row)


def follow(dataset: Dataset, out: Path, draw: int, unit: str, strategy: str, steps: int) -> Iterator[dict[str, object]]:
    """One strategy from the first labels to the last; a row a round."""
    names = sorted(entry.name for entry in dataset.entries)
    pool, test = names[:POOL], names[-60:]
    first = sorted(str(name) for name in generator(STREAM, draw).permutation(pool)[:START])
    labels: Labels = dict.fromkeys(first)
    for done in range(ROUNDS + 1):
        place = out / f"draw-{draw}" / (f"{unit}-{strategy}-{done}" if done else "start")
        stream = generator(STREAM, draw, done, 1 + list(STRATEGIES).index(unit))
        if not (place / "scores.json").exists():
            trained(dataset, labels, test, place, steps)
        scores = json.loads((place / "scores.json").read_text())
        yield {"draw": draw, "unit": unit, "strategy": strategy, "round": done, "labeled": len(labels), **scores}
        if done < ROUNDS:
            chosen = place / f"next-{unit}-{strategy}.json"
            if not chosen.exists():
                picks = choose(dataset, pool, labels, place, unit, strategy, done, stream)
                chosen.write_text(json.dumps([[pick.case, pick.box, pick.how] for pick in picks]))
            for case, box, _ in json.loads(chosen.read_text()):
                known = labels.setdefault(case, None if box is None else [])
                if known is not None:
                    known.append(Box(tuple(box[0]), tuple(box[1])))


def trained(dataset: Dataset, labels: Labels, test: list[str], place: Path, steps: int) -> None:
    """A supervised model of these labels, scored on the test scans; keeps the scores and the model only."""
    shutil.rmtree(place, ignore_errors=True)
    data = place / "data"
    (data / "images").mkdir(parents=True)
    classes = {info.name: info.value for info in dataset.classes or ()} | {"ignore": IGNORE}
    (data / "dataset.json").write_text(json.dumps({"labels": classes}))
    for name, boxes in labels.items():
        entry = dataset.entry(name)
        (data / "images" / f"{name}.nii.gz").symlink_to(entry.images[0].resolve())
        label = read_label(entry.label, classes=dataset.classes)
        shown = np.full(label.shape, IGNORE, np.uint8) if boxes is not None else label.array[0]
        for box in boxes or ():
            shown[box.slices] = label.array[0][box.slices]
        write_label(data / "labels" / f"{name}.nii.gz", to_source(shown, label), label.source)
    settings = {"steps": steps, "seed": 1, "workers": 0, "readers": 0, "device": "cpu"}
    wanted = RunOptions.of(settings, PLAN, Split(labeled=tuple(sorted(labels))), method="supervised")
    run = train_one(data, place / "run", wanted, None)
    entries = [dataset.entry(name) for name in test]
    label_entries(run, entries, "cpu")
    rows = score_entries(run, entries, predictor_of(run, "cpu").plan)
    dice = case_means(rows, "dice")
    scores = {"dice": float(np.mean(list(dice.values()))), "cases": dice}
    for folder in ("prepared", "predictions", "checkpoints"):
        shutil.rmtree(run / folder, ignore_errors=True)
    shutil.rmtree(data)
    (place / "scores.json").write_text(json.dumps(scores))


def choose(  # noqa: PLR0913 - a study in one file
    dataset: Dataset,
    pool: list[str],
    labels: Labels,
    place: Path,
    unit: str,
    strategy: str,
    done: int,
    stream: np.random.Generator,
) -> list[Pick]:
    """What a strategy names next."""
    left = (
        [name for name in pool if name not in labels]
        if unit == "scans"
        else [n for n in pool if labels.get(n, []) is not None]
    )
    if unit == "scans" and strategy == "random":
        return [Pick(name, "random") for name in random_scans(left, left, SCANS, stream)]
    predictor = predictor_of(place / "run", "cpu")
    taken = [(case, box) for case, boxes in labels.items() for box in boxes or ()]
    if unit == "boxes" and strategy != "suggested":
        return random_boxes(dataset, predictor, left, BOXES, taken, stream, strategy == "aware")
    budget = SCANS if unit == "scans" else BOXES
    first = random_count(budget)
    if unit == "scans":
        drawn = [Pick(name, "random") for name in random_scans(left, left, first, stream)]
    else:
        drawn = random_boxes(dataset, predictor, left, first, taken, stream, True)
        taken = [*taken, *((pick.case, pick.box) for pick in drawn if pick.box)]
    found = [look(dataset, predictor, name) for name in left if unit == "boxes" or all(name != p.case for p in drawn)]
    beta = steepness(done, ROUNDS)
    if unit == "boxes":
        return [*drawn, *uncertain_boxes(found, budget - first, beta, taken, stream)]
    points = standardized(np.array([scan.description for scan in found]), 1)
    return [*drawn, *uncertain_scans(found, budget - first, beta, points, stream)]


def random_boxes(
    dataset: Dataset,
    predictor: ScanPredictor,
    left: list[str],
    count: int,
    taken: Sequence[tuple[str, Box]],
    stream: np.random.Generator,
    aware: bool,
) -> list[Pick]:
    """Boxes at random, scans in turn."""
    picks: list[Pick] = []
    for name in random_scans(left, left, count, stream):
        volume = read(dataset.entry(name).images)
        index = np.zeros(volume.shape, np.uint8)
        if aware:
            with torch.inference_mode():
                index = to_canonical(predictor(volume).label, volume.source)
        others = [box for case, box in (*taken, *((p.case, p.box) for p in picks)) if case == name and box]
        if (box := random_box(index, SIZE, stream, others, aware)) is not None:
            picks.append(Pick(name, "random", box))
    return picks


def look(dataset: Dataset, predictor: ScanPredictor, name: str) -> Measured:
    """What the model says about a scan of the pool."""
    volume = read(dataset.entry(name).images)
    with torch.inference_mode():
        prediction = predictor(volume, ("probabilities",))
    return measured(name, name, to_canonical(prediction.probabilities, volume.source), SIZE, description_of(volume))


def add(path: Path, row: dict[str, object]) -> None:
    """Add a row to the curve, once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {key: value for key, value in row.items() if key != "cases"} | {"dice": f"{row['dice']:.4f}"}
    lines = list(csv.DictReader(path.open())) if path.exists() else []
    lines = [line for line in lines if any(line[key] != str(row[key]) for key in ("draw", "unit", "strategy", "round"))]
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(row))
        table.writeheader()
        table.writerows([*lines, row])


if __name__ == "__main__":
    main()
