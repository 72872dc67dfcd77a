"""Do two versions train to the same numbers? Each method for a few seeded steps on made-up scans, by the command line.

    PYTHONPATH=src python benchmarks/same_numbers.py train now.json [--methods ua_mt,dtc]
    git worktree add /tmp/before COMMIT
    PYTHONPATH=/tmp/before/src python benchmarks/same_numbers.py train before.json
    python benchmarks/same_numbers.py compare before.json now.json [--out results/benchmarks/same_numbers.md]

Only commands are called (plan, train, predict, evaluate), so that commits of long ago can be asked as well. Losses are
those of log.jsonl, terms and gradient lengths with them; weights are compared by a digest. float32, one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import nibabel as nib
import numpy as np

SHAPE, STEPS = (28, 32, 24), 4
LABELED, UNLABELED, SCORED = 2, 3, 2
FAST = {"dkuxnet": ["--ablation", "small"]}
"""Presets that a processor trains."""


def write_scans(root: Path) -> None:
    """Noise with a bright ball and a dark one, of two classes, in the two-folder layout, and a split."""
    for name in ("images", "labels", "scored", "references"):
        (root / name).mkdir(parents=True)
    grid = np.stack(np.meshgrid(*[np.arange(size) for size in SHAPE], indexing="ij"))
    names = [f"case{index}" for index in range(LABELED + UNLABELED + SCORED)]
    for index, name in enumerate(names):
        generator = np.random.default_rng(index)
        label, image = np.zeros(SHAPE, np.uint8), generator.normal(0, 0.3, SHAPE)
        for value, (place, brightness) in enumerate(((0.35, 1.0), (0.65, -1.0)), start=1):
            center = np.array(SHAPE)[:, None, None, None] * place + generator.uniform(-2, 2, (3, 1, 1, 1))
            ball = ((grid - center) ** 2).sum(0) < 30
            label[ball], image[ball] = value, image[ball] + brightness
        affine, scored = np.diag([1.0, 1.0, 1.5, 1.0]), index >= LABELED + UNLABELED
        nib.save(nib.Nifti1Image(image.astype(np.float32), affine), root / "images" / f"{name}.nii.gz")
        if scored:
            nib.save(nib.Nifti1Image(image.astype(np.float32), affine), root / "scored" / f"{name}.nii.gz")
        if scored or index < LABELED:
            folder = "references" if scored else "labels"
            nib.save(nib.Nifti1Image(label, affine), root / folder / f"{name}.nii.gz")
    split = {"labeled": names[:LABELED], "unlabeled": names[LABELED : LABELED + UNLABELED]}
    (root / "split.json").write_text(json.dumps(split), encoding="utf-8")


def command(*words: object) -> None:
    """One command of the version that PYTHONPATH names. Ends the script where it fails."""
    from semivox.cli import exit_code

    if code := exit_code([str(word) for word in words]):
        sys.exit(f"semivox {' '.join(map(str, words))} ended with {code}")


def trained(root: Path, method: str) -> dict[str, Any]:
    """Losses, weights and scores of one method."""
    run, labels, scores = (root / kind / method for kind in ("runs", "predicted", "scores"))
    settings = ("--seed", 1, "--workers", 0, "--device", "cpu", "--precision", "32-true")
    chosen = ("--plan", root / "plan.json", "--split", root / "split.json", "--prepared", root / "prepared")
    command("train", root, "-o", run, "--method", method, *settings, *chosen, *FAST.get(method, ()))
    command("predict", run, "-i", root / "scored", "-o", labels, "--device", "cpu", "--save", "probabilities")
    command("evaluate", "-r", root / "references", "-p", labels, "-o", scores)
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    found = json.loads((scores / "scores.json").read_text(encoding="utf-8"))["rows"]
    return {
        "losses": [[row["step"], row["player"], row["total"], row["terms"], row["norm"]] for row in rows],
        "weights": hashlib.sha256((run / "model" / "weights.safetensors").read_bytes()).hexdigest()[:16],
        "maps": [[path.name, *_digest(path)] for path in sorted(labels.glob("*.nii.gz"))],
        "scores": [
            [row["case"], row.get("class", row.get("class_name")), row["dice"], row["hd95_mm"]] for row in found
        ],
    }


def _digest(path: Path) -> tuple[float, str]:
    """Mean and hash of a label or of the probabilities of a class."""
    values = np.asarray(nib.nifti1.Nifti1Image.from_filename(path).dataobj)
    return float(values.mean()), hashlib.sha256(values.tobytes()).hexdigest()[:16]


def train(methods: list[str]) -> dict[str, Any]:
    """All methods on one plan."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_scans(root)
        patch = ("--patch", "16,16,16", "--spacing", "1,1,1.5", "--network", "small", "--steps", STEPS)
        fixed = ("--set", "plan.precision=32-true", "--set", "plan.channels_last=false")
        split = ("--split", root / "split.json")
        command("plan", root, "-o", root / "plan.json", *patch, *fixed, *split, "--device", "cpu")
        return {method: trained(root, method) for method in methods}


def difference(before: Any, now: Any) -> float:
    """The largest difference of two numbers in the same place, relative to the larger; infinite where one lacks."""
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(before.get(key), now.get(key)) for key in before.keys() | now.keys()]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = list(zip(before, now, strict=True))
    elif isinstance(before, float) and isinstance(now, float):
        return abs(before - now) / max(abs(before), abs(now), 1e-30)
    else:
        return 0.0 if before == now else float("inf")
    return max((difference(*pair) for pair in pairs), default=0.0)


def compare(before: dict[str, Any], now: dict[str, Any]) -> str:
    """A table in Markdown: a line per method, "equal" or by how much it differs."""
    lines = ["| method | losses and gradients | weights | labels and probabilities | scores |", "|---|---|---|---|---|"]
    for method in sorted(before.keys() | now.keys()):
        if method not in before or method not in now:
            lines.append(f"| {method} | only {'before' if method in before else 'now'} | | | |")
            continue
        cells = []
        for kind in ("losses", "weights", "maps", "scores"):
            apart = difference(before[method][kind], now[method][kind])
            cells.append("equal" if apart == 0 else "differ" if apart == float("inf") else f"differ by {apart:.1g}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train and write numbers, or compare two files of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(required=True, dest="mode")
    training = modes.add_parser("train")
    training.add_argument("out", type=Path)
    training.add_argument("--methods", default="")
    comparing = modes.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("now", type=Path)
    comparing.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.mode == "train":
        from semivox.methods import METHODS

        found = train([name for name in given.methods.split(",") if name] or list(METHODS))
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    table = compare(*(json.loads(path.read_text(encoding="utf-8")) for path in (given.before, given.now)))
    print(table)
    if given.out:
        given.out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
