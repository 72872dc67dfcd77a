"""How long a person waits for each command, in a process of its own, to limits that feel quick.

    python benchmarks/feel.py [--out results/benchmarks/feel.md] [--repeats 3]

On a quiet machine: the shortest of the repeats counts, and stands beside its limit. Scans are made up (20 of 48 x 40 x
32 voxels).
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHAPE, SPACING = (48, 40, 32), (4.0, 4.0, 4.0)
SMALL = ["--network", "small", "--spacing", "4,4,4", "--patch", "32,32,32", "--steps", "20"]
COMMANDS: dict[str, tuple[float, list[str]]] = {
    "`semivox --help`": (0.3, ["--help"]),
    "`semivox run --help`": (0.3, ["run", "--help"]),
    "`semivox methods sassnet`": (1.0, ["methods", "sassnet"]),
    "`semivox check`, 20 small scans": (2.0, ["check", "scans"]),
    "`semivox plan`, with its dry steps": (20.0, ["plan", "scans", "-o", "plan.json"]),
    "`semivox predict`, one small scan": (
        4.0,
        ["predict", "job/supervised", "-i", "one", "-o", "labels", "--overwrite"],
    ),
    "`semivox run` of a finished job": (2.0, ["run", "scans", "-o", "job", "--method", "mean_teacher", *SMALL]),
}
"""What is called, and the seconds that it may take."""


def semivox(folder: Path, words: list[str]) -> float:
    """Seconds of wall time of one call. Raises CalledProcessError."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "semivox", *words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def prepare(folder: Path) -> None:
    """Scans, one scan alone, and a finished job."""
    from semivox.data import phantom

    phantom.write(folder / "scans", 6, 12, 2, shape=SHAPE, spacing=SPACING)
    (folder / "one").mkdir()
    scan = sorted((folder / "scans").rglob("*_0000.nii.gz"))[-1]
    (folder / "one" / "scan.nii.gz").write_bytes(scan.read_bytes())
    semivox(folder, COMMANDS["`semivox run` of a finished job"][1])


def main() -> None:
    """Time every command and print, or write, the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        rows = []
        for what, (limit, words) in COMMANDS.items():
            shortest = min(semivox(Path(name), words) for _ in range(options.repeats))
            rows.append(f"| {what} | {shortest:.2f} | {limit:g} | {'yes' if shortest <= limit else 'no'} |")
    text = "\n".join(
        [
            "# How long a person waits",
            "",
            f"`python benchmarks/feel.py --repeats {options.repeats}`: the shortest of the calls, each in a "
            f"process of its own; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.",
            "",
            "| command | s | limit | kept |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
