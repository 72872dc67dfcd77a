"""How long a person waits for each command, in a process of its own, to limits that feel quick.

    python benchmarks/feel.py [--out results/benchmarks/feel.md] [--repeats 3] [--busy]

The shortest of the repeats counts, and stands beside its limit. Where other programs use the machine, ``--busy`` holds
processor time against the limits instead: what a command of one process would take alone. Scans are made up (20 of
48 x 40 x 32 voxels).
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


def semivox(folder: Path, words: list[str]) -> tuple[float, float]:
    """Seconds of wall and of processor time of one call, its processes included. Raises CalledProcessError."""
    began, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "semivox", *words], cwd=folder, check=True, capture_output=True)
    after, took = os.times(), time.perf_counter() - began
    return took, after.children_user + after.children_system - before.children_user - before.children_system


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
    parser.add_argument("--busy", action="store_true", help="Hold processor time against the limits.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        rows = []
        for what, (limit, words) in COMMANDS.items():
            took = [semivox(Path(name), words) for _ in range(options.repeats)]
            wall, processor = (min(times) for times in zip(*took, strict=True))
            kept = "yes" if (processor if options.busy else wall) <= limit else "no"
            rows.append(f"| {what} | {wall:.2f} | {processor:.2f} | {limit:g} | {kept} |")
    text = "\n".join(
        [
            "# How long a person waits",
            "",
            f"`python benchmarks/feel.py --repeats {options.repeats}`: the shortest of the calls, each in a "
            "process of its own, "
            + ("on a busy machine: processor time is held against the limits" if options.busy else "on a quiet machine")
            + f"; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.",
            "",
            "| command | wall, s | processor, s | limit, s | kept |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
