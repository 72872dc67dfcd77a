"""Three rounds of labeling in Python: python examples/label_in_rounds.py [FOLDER]

Uses the built-in data set of invented hips and very few steps, so that it takes some minutes and learns little. The
expert, who corrects what is suggested, is the generator of the scans.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import semivox
from semivox import Terminal
from semivox.core.geometry import Shape
from semivox.data import phantom

ROUNDS, EACH = 3, 2
"""Rounds, and labels a round."""


def main(folder: Path, shape: Shape = (48, 36, 32), steps: int = 40) -> None:
    """Train, suggest, correct, adopt, and train again."""
    scans, answers, job = folder / "scans", folder / "answers", folder / "job"
    spacing = tuple(full / count for full, count in zip((192.0, 144.0, 128.0), shape, strict=True))
    phantom.write(scans, labeled=2, unlabeled=8, test=3, shape=shape, spacing=spacing)
    phantom.write(answers, labeled=10, unlabeled=0, test=3, shape=shape, spacing=spacing)
    plan = {"spacing": spacing, "patch": (16, 16, 16), "network": "small", "steps": steps}
    settings = {"workers": 0, "device": "cpu"}
    for number in range(1, ROUNDS + 1):
        summary = semivox.run(
            scans, job, method="mean_teacher", plan=plan, settings=settings, labels=False, progress=Terminal()
        )
        found = summary.arms[summary.chosen].overall["dice"].mean
        print(f"round {number}: {summary.provenance.labeled} labeled scans, Dice {found or 0:.3f} ({summary.chosen})")
        if number == ROUNDS:
            break
        suggestion, place = semivox.suggest(job, count=EACH)
        print(suggestion.text())
        for case in suggestion.cases:  # here an expert would open Slicer
            shutil.copyfile(answers / "labelsTr" / f"{case.case}.nii.gz", place / "labels" / f"{case.case}.nii.gz")
        for one in semivox.adopt(job, place).adopted:
            print(one.text())
    print(semivox.suggest(job, count=EACH)[0].gain)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "rounds"))
