"""How long does ``semivox check`` take for 3000 tiny scans, and how many lines does it print?

Run: python benchmarks/check_many.py [--scans 3000] [--labeled 60] [--rounds 3]
Scans of 24^3 voxels are made up in a temporary folder, a few of them labeled. The command is started anew in every
round, files are in the page cache, times are wall clock; the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

EDGE = 24
AFFINE = np.diag([1.5, 1.5, 1.5, 1.0])


def write_scans(root: Path, scans: int, labeled: int) -> None:
    """A box in noise for each scan, and the box as the label of the first ones."""
    for folder in ("images", "labels"):
        (root / folder).mkdir()
    for index in range(scans):
        random = np.random.default_rng(index)
        label = np.zeros((EDGE,) * 3, np.uint8)
        x, y, z = random.integers(4, 12, 3)
        label[x : x + 8, y : y + 8, z : z + 8] = 1
        image = np.rint(100 + 80 * label + random.normal(0, 10, label.shape)).astype(np.int16)
        nib.save(nib.Nifti1Image(image, AFFINE), root / "images" / f"scan{index:04d}.nii.gz")
        if index < labeled:
            nib.save(nib.Nifti1Image(label, AFFINE), root / "labels" / f"scan{index:04d}.nii.gz")


def checked(root: Path) -> tuple[float, int]:
    """Seconds, and lines of output, of one command."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "semivox", "check", str(root)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, len(done.stdout.splitlines())


def main() -> None:
    """Make the scans, check them some times, print the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=3000)
    parser.add_argument("--labeled", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_scans(Path(name), arguments.scans, arguments.labeled)
        rounds = [checked(Path(name)) for _ in range(arguments.rounds)]
    times, lines = zip(*rounds, strict=True)
    print(f"{arguments.scans} scans: median {statistics.median(times):.1f} s of {sorted(times)}; {max(lines)} lines")


if __name__ == "__main__":
    main()
