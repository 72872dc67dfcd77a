"""Does it matter that what nobody looked for is unlabeled, not background? Two sets of one kind of scan are joined.

    python results/joined.py HIPPOCAMPUS RUNS/joined [--rare 2] [--draws 0 1 2] [--arms marginal background]

A draw takes 12 of the first 140 scans: all of them have the posterior part labeled, ``--rare`` of them the anterior
part as well, in a set of its own. `semivox join` makes one set of both. Trained is, supervised, from the same seed:

- `marginal`: the joined set as it is; where nobody looked for the anterior part, it is unlabeled;
- `background`: the same labels without saying who was looked through for what, so that it counts as background;
- `alone`: only the scans that have both parts;
- `all`: all 12 scans with both parts labeled.

Scored are the last 60 scans, which nothing is chosen on. What is done is skipped when the command is given again; each
arm is some minutes, and a line is printed for each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semivox.cli import exit_code
from semivox.data.formats.volume import read_label, to_source, write_label
from semivox.data.layouts.recognize import find
from semivox.evaluation.aggregation import case_means
from semivox.pipeline.predict import label_entries, predictor_of, score_entries

POOL, SCORED, SCANS = 140, 60, 12
PARTS = ("Anterior", "Posterior")
"""By label value, from 1."""
ARMS = ("marginal", "background", "alone", "all")


def main() -> None:
    """Train what is missing, and print a line an arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rare", type=int, default=2)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--draws", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="*", choices=ARMS, default=ARMS)
    asked = parser.parse_args()
    for draw in asked.draws:
        place = asked.out.resolve() / f"rare-{asked.rare}-steps-{asked.steps}" / f"draw-{draw}"
        tables = made(asked.data.resolve(), place, asked.rare, draw)
        for arm in asked.arms:
            dice = scored(tables[arm], place, arm, asked.steps, asked.data)
            print(
                f"draw {draw}, {arm}: " + ", ".join(f"{part} {value:.3f}" for part, value in dice.items()), flush=True
            )


def made(data: Path, place: Path, rare: int, draw: int) -> dict[str, Path]:
    """The data sets of a draw, by arm; the joined one is made by the command."""
    pool = sorted(path.name.removesuffix(".nii.gz") for path in (data / "labelsTr").glob("hippocampus_*"))[:POOL]
    names = [pool[index] for index in np.random.default_rng(draw).permutation(POOL)[:SCANS]]
    sets = {
        "anterior": (names[:rare], (1,)),
        "posterior": (names, (2,)),
        "alone": (names[:rare], (1, 2)),
        "all": (names, (1, 2)),
    }
    for name, (cases, values) in sets.items():
        written(data, place / name, cases, values)
    joined, unsaid = place / "joined", place / "unsaid"
    if not unsaid.exists():
        run("join", place / "anterior", place / "posterior", "-o", joined)
        described = json.loads((joined / "dataset.json").read_text(encoding="utf-8"))
        looked_for = described.pop("annotated")
        assert len(looked_for) == SCANS - rare  # a scan of both sets is one, looked through for both
        shutil.copytree(joined, unsaid)
        (unsaid / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
    return {"marginal": joined, "background": unsaid, "alone": place / "alone", "all": place / "all"}


def written(data: Path, folder: Path, names: Sequence[str], values: Sequence[int]) -> None:
    """A data set of some scans with the parts of these values labeled, as 1, 2, in the layout of nnU-Net."""
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in names:
        image, label = folder / "imagesTr" / f"{name}_0000.nii.gz", folder / "labelsTr" / f"{name}.nii.gz"
        if not image.exists():
            image.symlink_to(data / "imagesTr" / f"{name}.nii.gz")
        drawn = read_label(data / "labelsTr" / f"{name}.nii.gz")
        shown = np.zeros_like(drawn.array[0])
        for index, value in enumerate(values, 1):
            shown[drawn.array[0] == value] = index
        write_label(label, to_source(shown, drawn), drawn.source)
    labels = {"background": 0} | {PARTS[value - 1]: index for index, value in enumerate(values, 1)}
    described = {"channel_names": {"0": "MRI"}, "labels": labels, "file_ending": ".nii.gz", "numTraining": len(names)}
    (folder / "dataset.json").write_text(json.dumps(described), encoding="utf-8")


def scored(table: Path, place: Path, arm: str, steps: int, data: Path) -> dict[str, float]:
    """Mean Dice of each part over the scored scans."""
    folder = place / f"{arm}-run"
    if not (folder / "dice.json").exists():
        plan = [] if arm == "marginal" else ["--plan", place / "marginal-run" / "plan.json"]  # one plan for all arms
        words = ["--method", "supervised", "--steps", steps, "--workers", 0, "--device", "cpu", *plan]
        run("train", table, "-o", folder, *words)
        dataset = find(data)
        entries = [dataset.entry(entry.name) for entry in sorted(dataset.entries, key=lambda e: e.name)[POOL:]][:SCORED]
        label_entries(folder, entries, "cpu")
        rows = score_entries(folder, entries, predictor_of(folder, "cpu").plan)
        dice = {part: case_means([row for row in rows if row.class_name == part], "dice") for part in PARTS}
        assert all(len(cases) == SCORED for cases in dice.values())
        (folder / "dice.json").write_text(json.dumps(dice), encoding="utf-8")
    dice = json.loads((folder / "dice.json").read_text(encoding="utf-8"))
    return {part: float(np.mean(list(dice[part].values()))) for part in PARTS}


def run(*words: object) -> None:
    """A command, as it is typed."""
    if code := exit_code([str(word) for word in words]):
        sys.exit(f"semivox {' '.join(map(str, words))} ended with {code}")


if __name__ == "__main__":
    main()
