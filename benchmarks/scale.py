"""What 765 trainings and 28,000 scans cost on 1, 8 and 64 devices: computed, and held against a simulation.

    PYTHONPATH=src python benchmarks/scale.py [--step-seconds 0.25] [--steps 6000] [--out FILE]

Measured figures come from results/benchmarks/engines.json (benchmarks/engines.py) and the ratios of methods.md; what no
machine at hand could show (a GPU's step, disks, networks) is an assumption, named on the page and given by an option.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEVICES = (1, 8, 64)
COUNTS, DRAWS, SEEDS, SCANS = 3, 5, 3, 28_000


@dataclass(frozen=True)
class Assumed:
    """What was not measured here."""

    step_seconds: float = 0.25
    """A supervised step at the full size of the left-atrium protocol, 112 x 112 x 80, on one GPU."""
    steps: int = 6000
    """As that protocol has it."""
    patch_bytes: float = 4 * 112 * 112 * 80 * 5
    """Four patches a step, 4 bytes of image and 1 of label a voxel."""
    weights: float = 9.4e6
    """Of the V-Net, 4 bytes of gradient each."""
    disk: float = 1e9
    """Bytes a second that a shared disk gives in all."""
    network: float = 1.25e9
    """Bytes a second between two machines: 10 Gbit/s."""
    scan_bytes: float = 157e6
    """A CT of 512 x 512 x 300, 2 bytes a voxel, not compressed."""
    scoring: float = 0.05
    """Labeling and scoring the test scans, as a share of the training."""


@dataclass(frozen=True)
class Measured:
    """What benchmarks/engines.py found here, in seconds."""

    start: float
    """Of a command that loads a model and finds nothing to do."""
    scan: float
    """Reading, labeling and writing one CT of 512 x 512 x 300, one thread."""
    submission: float
    """What an engine adds to each training."""
    restart: float
    """From the death of a worker to its training's new start."""
    shared: float
    """A step of one thread against one that two processes share."""
    ratios: dict[str, float] = field(default_factory=dict)
    """Method -> its step in supervised ones."""


def measured(engines: Path, methods: Path) -> Measured:
    """Read both files. Raises KeyError where engines.json lacks a measurement."""
    kept = {name: min(values) for name, values in json.loads(engines.read_text(encoding="utf-8")).items()}
    rows = [line.split("|") for line in methods.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    ratios = {row[1].strip(): float(row[3]) for row in rows if row[2].strip().replace(".", "").isdigit()}
    ratios["supervised"] = 1.0
    start = kept["200 scans asked again"]
    return Measured(
        start=start,
        scan=(kept["20 CTs, one process"] - start) / 20,
        submission=max(0.0, kept["study of 8, Ray"] - kept["study of 8, here"]) / 8,
        restart=kept["restart of a killed worker, Ray"],
        shared=kept["step, one thread"] / kept["step, two processes"],
        ratios=ratios,
    )


def durations(found: Measured, given: Assumed) -> list[float]:
    """Seconds of each training of the study, in the order of the runs: counts, draws, seeds, methods."""
    supervised = given.steps * given.step_seconds * (1 + given.scoring)
    one = [found.start + supervised * ratio for ratio in found.ratios.values()]
    return one * (COUNTS * DRAWS * SEEDS)


def simulated(work: Sequence[float], devices: int, gap: float, service: float = 0.0) -> float:
    """Seconds until all is done: whoever is free takes the next, in order.

    ``gap``: seconds for which whoever hands out work is busy with each; ``service``: seconds for which each needs the
    disk alone, one after another, before it computes.
    """
    free = [0.0] * devices
    heapq.heapify(free)
    handed = disk = last = 0.0
    for seconds in work:
        begins = max(heapq.heappop(free), handed) + gap
        handed = begins
        disk = max(disk, begins) + service
        ends = disk + seconds
        last = max(last, ends)
        heapq.heappush(free, ends)
    return last


def computed(work: Sequence[float], devices: int, gap: float, service: float = 0.0) -> tuple[float, str]:
    """The same by rates alone, and what bounds it."""
    total, longest = sum(work), max(work)
    limits = {
        "computing": (total + len(work) * (gap + service)) / devices + longest * (1 - 1 / devices) / 2,
        "who hands out the work": len(work) * gap,
        "the shared disk": len(work) * service,
    }
    bound = max(limits, key=lambda name: limits[name])
    return limits[bound], bound


def told(seconds: float) -> str:
    """Seconds in the unit that a reader thinks in."""
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def table(work: Sequence[float], gap: float, service: float) -> list[str]:
    """Devices, both answers, their difference and what bounds them."""
    rows = ["| devices | computed | simulated | apart | bounded by | efficiency |", "|---|---|---|---|---|---|"]
    alone = simulated(work, 1, gap, service)
    for devices in DEVICES:
        (guess, bound), seen = computed(work, devices, gap, service), simulated(work, devices, gap, service)
        apart, efficiency = (guess - seen) / seen, alone / seen / devices
        rows.append(
            f"| {devices} | {told(guess)} | {told(seen)} | {apart:+.1%} | {bound} | {efficiency:.0%} |".replace(
                "-", "−"
            )
        )
    return rows


def page(found: Measured, given: Assumed) -> str:
    """The whole page."""
    parts = (_of_the_page(), _study(found, given), _one_training(found, given), _scans(found, given))
    return "\n".join(line for part in parts for line in (*part, ""))


def _of_the_page() -> list[str]:
    return [
        "# What it costs",
        "",
        "Written by `python benchmarks/scale.py` from what `benchmarks/engines.py` measured on two cores of a CPU, and",
        "from assumptions about what was not at hand: a GPU, a shared disk, a network. With yours:",
        "`python benchmarks/scale.py --step-seconds S`, where S stands in `plan.json` under `forecast` once `semivox",
        "plan` ran on the machine in question. Each answer is given twice: computed by rates, which say what bounds",
        "it, and by a simulation of the queue.",
    ]


def _study(found: Measured, given: Assumed) -> list[str]:
    work, ratios = durations(found, given), found.ratios.values()
    per_step = given.patch_bytes / given.step_seconds
    return [
        f"## A study of {len(ratios)} methods, {COUNTS} labeled counts, {DRAWS} draws, {SEEDS} seeds",
        "",
        f"{len(work)} trainings of {given.steps} steps. Assumed: a supervised step of {given.step_seconds:g} s, the",
        "left-atrium protocol at full size on one GPU. Measured: a step of the methods is",
        f"{statistics.mean(ratios):.1f} supervised ones on average and {max(ratios):.1f} at most; a training starts in",
        f"{found.start:.1f} s; Ray adds {found.submission:.2f} s to each.",
        "",
        *table(work, found.submission, 0.0),
        "",
        f"In all {told(sum(work))} of one device; the longest training takes {told(max(work))}, and the last ones to",
        "end leave other devices idle.",
        f"Reading: at most {per_step / 1e6:.0f} MB/s a device from the prepared scans, where nothing stays in memory,",
        f"so that a disk of {given.disk / 1e9:g} GB/s feeds {given.disk / per_step:.0f} devices; a set that fits into",
        f"memory is read once. A worker that dies costs {found.restart:.0f} s and its steps since the last checkpoint.",
    ]


def _one_training(found: Measured, given: Assumed) -> list[str]:
    exchange = 2 * 4 * given.weights / given.network
    rows = []
    for devices in (1, 2, 4):
        alone, sent = given.step_seconds / devices, exchange * (devices - 1) / devices
        bound = "computing" if alone > sent else "gradients"
        rows.append(f"| {devices} | {alone + sent:.3f} | {alone / (alone + sent):.0%} | {bound} |")
    return [
        "## One training over several devices",
        "",
        f"Gradients of {4 * given.weights / 1e6:.0f} MB a step, sent and received, take {1e3 * exchange:.0f} ms at",
        f"{8 * given.network / 1e9:g} Gbit/s. Devices that share the four patches of a step",
        "(`--set train.split_batch=true`):",
        "",
        "| devices | seconds a step | efficiency | bounded by |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Measured: two processes on two cores of a CPU made {found.shared:.2f} times as many steps as one. More than",
        "four devices have no patch each. Many trainings at once use devices better than one training over many.",
    ]


def _scans(found: Measured, given: Assumed) -> list[str]:
    service, rate = given.scan_bytes / given.disk, given.disk / given.scan_bytes
    return [
        f"## {SCANS:,} scans to label",
        "",
        f"CT of 512 x 512 x 300, {given.scan_bytes / 1e6:.0f} MB each, {SCANS * given.scan_bytes / 1e12:.1f} TB in",
        f"all. Measured: {found.scan:.1f} s a scan on one thread, with reading and writing. Assumed: a shared disk of",
        f"{given.disk / 1e9:g} GB/s. A device is a core here.",
        "",
        *table([found.scan] * SCANS, 0.0, service),
        "",
        "Scans are claimed one at a time by whoever is free, so nobody hands them out; what further devices meet is",
        f"the disk: it gives {rate:.1f} scans a second, what {found.scan * rate:.0f} such cores label. Devices ten",
        "times as fast meet it ten times sooner.",
    ]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("step_seconds", "disk", "network"):
        default = getattr(Assumed(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default, help=f"default {default:g}")
    parser.add_argument("--steps", type=int, default=Assumed().steps)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "explanation" / "what-it-costs.md")
    asked = parser.parse_args()
    given = Assumed(asked.step_seconds, asked.steps, disk=asked.disk, network=asked.network)
    kept = ROOT / "results" / "benchmarks"
    asked.out.write_text(page(measured(kept / "engines.json", kept / "methods.md"), given), encoding="utf-8")


if __name__ == "__main__":
    main()
