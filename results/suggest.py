"""Is what `semivox suggest` names worth more than a random choice? Hidden labels are revealed where a strategy asks.

    python results/suggest.py results/grids/suggest-hippocampus.toml HIPPOCAMPUS RUNS/suggest [--units boxes]

A study file names the split whose scans are the pool and whose test scans are scored and never chosen from. A draw
begins with a few random whole scans; each round adds what a strategy names and trains a supervised model from scratch:

- scans: `suggested` (a third at random, the rest class-weighted entropy with noise) against `random`. Every scan of
  these sets shows every structure, so foreground-aware random is plain random here.
- boxes: about as many voxels as the scans of a round, all else ignored: `suggested`, `aware` (foreground-aware random,
  by the model's prediction) and `random` boxes.

Nothing is chosen on the scored scans. Can be stopped and started again; `curve.csv` has a line a round, and
`semivox` itself is asked for every part: choice, training, prediction, scores. Differences with their intervals:
`python results/suggest_table.py RUNS/suggest`.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semivox.core.geometry import Shape
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

IGNORE = 255
STRATEGIES = {"scans": ("suggested", "random"), "boxes": ("suggested", "aware", "random")}
STREAM = 0x5E66
Labels = dict[str, list[Box] | None]
"""Case -> the boxes of it that are labeled; None: all of it."""


@dataclass(frozen=True)
class Study:
    """What a study file asks for, and the scans of its split."""

    pool: tuple[str, ...]
    test: tuple[str, ...]
    start: int
    """Whole scans that a draw begins with."""
    draws: int
    rounds: int
    budget: Mapping[str, int]
    """Unit -> how many a round adds."""
    box: Shape
    steps: int
    plan: Mapping[str, Any]

    @classmethod
    def of(cls, path: Path) -> Study:
        """Read a study file. Raises KeyError for what it lacks."""
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        split = Split.model_validate_json((path.parent / told["cases"]["split"]).read_text(encoding="utf-8"))
        pool = tuple(sorted((*split.labeled, *split.unlabeled)))
        x, y, z = told["boxes"]["size"]
        plan: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in told["plan"].items()}
        return cls(
            pool,
            split.test,
            told["cases"]["start"],
            told["cases"]["draws"],
            told["rounds"]["number"],
            {unit: told["rounds"][unit] for unit in STRATEGIES if unit in told["rounds"]},
            (x, y, z),
            plan.pop("steps"),
            plan,
        )


def main() -> None:
    """Do what is left of the study, draw by draw, and write the curve after each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--units", choices=list(STRATEGIES), nargs="*", help="only these (default: all of the study)")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    study, dataset = Study.of(asked.study), find(asked.data)
    for draw in range(study.draws):
        for unit in asked.units or study.budget:
            for strategy in STRATEGIES[unit]:
                for row in follow(study, dataset, asked.out, draw, unit, strategy):
                    add(asked.out / "curve.csv", row)


def follow(
    study: Study, dataset: Dataset, out: Path, draw: int, unit: str, strategy: str
) -> Iterator[dict[str, object]]:
    """One strategy from the first labels to the last; a row a round."""
    first = sorted(str(name) for name in generator(STREAM, draw).permutation(study.pool)[: study.start])
    labels: Labels = dict.fromkeys(first)
    for done in range(study.rounds + 1):
        place = out / f"draw-{draw}" / (f"{unit}-{strategy}-{done}" if done else "start")
        stream = generator(STREAM, draw, done, 1 + list(STRATEGIES).index(unit))
        if not (place / "scores.json").exists():
            trained(study, dataset, labels, place)
        scores = json.loads((place / "scores.json").read_text())
        row = {"draw": draw, "unit": unit, "strategy": strategy, "round": done, "labeled": len(labels)}
        yield row | {"dice": f"{scores['dice']:.4f}"}
        if done < study.rounds:
            chosen = place / f"next-{unit}-{strategy}.json"
            if not chosen.exists():
                picks = choose(study, dataset, labels, place, unit, strategy, done, stream)
                chosen.write_text(json.dumps([[pick.case, pick.box, pick.how] for pick in picks]))
            for case, box, _ in json.loads(chosen.read_text()):
                known = labels.setdefault(case, None if box is None else [])
                if known is not None:
                    known.append(Box(tuple(box[0]), tuple(box[1])))


def trained(study: Study, dataset: Dataset, labels: Labels, place: Path) -> None:
    """A supervised model of these labels, scored on the test scans; keeps the scores and the model only."""
    shutil.rmtree(place, ignore_errors=True)
    data = place / "data"
    (data / "images").mkdir(parents=True)
    classes = {info.name: info.value for info in dataset.classes or ()} | {"ignore": IGNORE}
    (data / "dataset.json").write_text(json.dumps({"labels": classes}))
    for name, boxes in labels.items():
        entry = dataset.entry(name)
        (data / "images" / f"{name}.nii.gz").symlink_to(entry.images[0].resolve())
        assert entry.label is not None, f"{name} has no label"
        label = read_label(entry.label, classes=dataset.classes)
        shown = np.full(label.shape, IGNORE, np.uint8) if boxes is not None else label.array[0]
        for box in boxes or ():
            shown[box.slices] = label.array[0][box.slices]
        write_label(data / "labels" / f"{name}.nii.gz", to_source(shown, label), label.source)
    settings = {"steps": study.steps, "seed": 1, "workers": 0, "readers": 0, "device": "cpu"}
    wanted = RunOptions.of(settings, study.plan, Split(labeled=tuple(sorted(labels))), method="supervised")
    run = train_one(data, place / "run", wanted, None)
    entries = [dataset.entry(name) for name in study.test]
    label_entries(run, entries, "cpu")
    rows = score_entries(run, entries, predictor_of(run, "cpu").plan)
    dice = case_means(rows, "dice")
    scores = {"dice": float(np.mean(list(dice.values()))), "cases": dice}
    for folder in ("prepared", "predictions", "checkpoints"):
        shutil.rmtree(run / folder, ignore_errors=True)
    shutil.rmtree(data)
    (place / "scores.json").write_text(json.dumps(scores))


def choose(  # noqa: PLR0913 - a study in one file
    study: Study,
    dataset: Dataset,
    labels: Labels,
    place: Path,
    unit: str,
    strategy: str,
    done: int,
    stream: np.random.Generator,
) -> list[Pick]:
    """What a strategy names next."""
    left = (
        [name for name in study.pool if name not in labels]
        if unit == "scans"
        else [name for name in study.pool if labels.get(name, []) is not None]
    )
    if unit == "scans" and strategy == "random":
        return [Pick(name, "random") for name in random_scans(left, left, study.budget[unit], stream)]
    predictor = predictor_of(place / "run", "cpu")
    taken = [(case, box) for case, boxes in labels.items() for box in boxes or ()]
    if unit == "boxes" and strategy != "suggested":
        return random_boxes(study, dataset, predictor, left, study.budget[unit], taken, stream, strategy == "aware")
    budget = study.budget[unit]
    first = random_count(budget)
    if unit == "scans":
        drawn = [Pick(name, "random") for name in random_scans(left, left, first, stream)]
    else:
        drawn = random_boxes(study, dataset, predictor, left, first, taken, stream, True)
        taken = [*taken, *((pick.case, pick.box) for pick in drawn if pick.box)]
    asked = left if unit == "boxes" else [name for name in left if all(name != pick.case for pick in drawn)]
    found = [look(study, dataset, predictor, name) for name in asked]
    beta = steepness(done, study.rounds)
    if unit == "boxes":
        return [*drawn, *uncertain_boxes(found, budget - first, beta, taken, stream)]
    points = standardized(np.array([scan.description for scan in found]))
    return [*drawn, *uncertain_scans(found, budget - first, beta, points, stream)]


def random_boxes(  # noqa: PLR0913 - a study in one file
    study: Study,
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
        if (box := random_box(index, study.box, stream, others, aware)) is not None:
            picks.append(Pick(name, "random", box))
    return picks


def look(study: Study, dataset: Dataset, predictor: ScanPredictor, name: str) -> Measured:
    """What the model says about a scan of the pool."""
    volume = read(dataset.entry(name).images)
    with torch.inference_mode():
        said = np.asarray(predictor(volume, ("probabilities",)).probabilities)
    return measured(name, name, to_canonical(said, volume.source), study.box, description_of(volume))


def add(path: Path, row: dict[str, object]) -> None:
    """Add a row to the curve, once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []
    lines = [line for line in lines if any(line[key] != str(row[key]) for key in ("draw", "unit", "strategy", "round"))]
    with path.open("w", newline="", encoding="utf-8") as stream:
        written = csv.DictWriter(stream, list(row), lineterminator="\n")
        written.writeheader()
        written.writerows([*lines, row])


if __name__ == "__main__":
    main()
