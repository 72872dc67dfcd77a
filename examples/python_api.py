"""From scans to scores in Python: python examples/python_api.py [FOLDER]

Uses the built-in data set of invented hips and very few steps, so that it takes a minute or so and learns little.
Put your own folder in place of ``scans``, and call ``semivox.plan`` without options, for a real model.
"""

from __future__ import annotations

import sys
from pathlib import Path

import semivox
from semivox import Terminal
from semivox.data import phantom


def main(folder: Path) -> None:
    """Check, plan, train, predict, evaluate."""
    progress = Terminal()
    scans = folder / "scans"
    phantom.write(scans, labeled=2, unlabeled=2, test=1)

    report = semivox.check(scans, progress=progress)
    if not report.ok:
        sys.exit(report.text())

    plan = semivox.plan(scans, spacing=(4, 4, 4), patch=(32, 32, 32), network="small", steps=8, progress=progress)
    run = semivox.train(scans, folder / "run", method="embedding_matching", plan=plan, progress=progress)
    semivox.predict(run, scans / "imagesTs", folder / "labels", progress=progress)
    rows = semivox.evaluate(scans / "labelsTs", folder / "labels", folder / "scores", progress=progress)
    for row in rows:
        print(f"{row.case}  {row.class_name}  Dice {row.dice:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example"))
