"""What the engines cost beside processes of this machine, and what a lost worker costs. Everything by the command line.

    PYTHONPATH=src python benchmarks/engines.py KEPT [--out results/benchmarks/engines.json]

On small invented scans, one thread a process, two at once:

- a study of 8 short trainings: here, on a Ray cluster that is started for it, on SLURM where there is one;
- 200 small scans labeled by one process, two, two on Ray, and asked for again; 20 CTs of 512 x 512 x 300 (four of
  them differ) by one and by two;
- the seconds from the death of a worker of Ray (kill -9) until its training goes on;
- a step of four patches of 64 x 64 x 48: one process, two that share them (gloo), one of two threads.

Each is done twice (--rounds), in turn, and the shorter counts; KEPT holds what is done, so that a stopped call goes on.
Machines that do something else besides give no such figures: look at the two of each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import psutil

from semivox.data import phantom

STUDY = """
methods = ["supervised", "mean_teacher"]
seeds = [1, 2, 3, 4]
[cases]
labeled = [2]
[plan]
steps = 60
spacing = [4, 4, 4]
patch = [32, 32, 16]
network = "small"
fields = {precision = "32-true", channels_last = false}
[train]
device = "cpu"
"""
SCANS = 200
LARGE, DIFFERENT = 20, 4
STEPS = 30
WHOLE = ("patch=[64,64,48]", "labeled_per_step=4", "precision=bf16-mixed", "channels_last=true")
"""Of the steps: a size that people train. (In float32, PyTorch takes a slow way for one patch on one thread.)"""


def command(*words: object, threads: int = 1) -> subprocess.Popen[bytes]:
    """A command of semivox, as a user types it."""
    line = [sys.executable, "-m", "semivox", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def seconds(*words: object, threads: int = 1) -> float:
    """How long it took. Ends the script where it fails."""
    began = time.perf_counter()
    process = command(*words, threads=threads)
    said = process.communicate()[1]
    if process.returncode:
        sys.exit(f"semivox {' '.join(map(str, words))} ended with {process.returncode}: {said.decode()[-500:]}")
    return time.perf_counter() - began


def study(root: Path, out: str, *where: str) -> float:
    """The seconds of the study, done anew."""
    shutil.rmtree(root / out, ignore_errors=True)
    return seconds("study", root / "study.toml", "--data", root / "few", "-o", root / out, "--processes", 2, *where)


def labeled(root: Path, scans: str, *where: str, again: bool = False) -> float:
    """The seconds of labeling all scans of a folder; ``again``: where all have their labels."""
    if not again:
        shutil.rmtree(root / "labels", ignore_errors=True)
    model = root / "here" / "labeled-2" / "draw-0" / "seed-1" / "supervised"
    return seconds("predict", model, "--in", root / scans, "-o", root / "labels", *where)


def write_large(folder: Path) -> None:
    """20 CTs, hard links to four: two bytes a voxel, not compressed, as most archives hold them."""
    folder.mkdir()
    for number in range(LARGE):
        path = folder / f"ct{number:02d}_0000.nii"
        if number < DIFFERENT:
            small = phantom.scan(0, 2000 + number, (64, 64, 50), (6.0, 6.0, 6.0))[0]
            large = np.repeat(np.repeat(np.repeat(small, 8, 0), 8, 1), 6, 2)
            noise = np.random.default_rng(number).normal(0, 10, (*large.shape[:2], 1))
            nib.save(nib.Nifti1Image((large + noise).astype(np.int16), np.diag([0.75, 0.75, 1.0, 1.0])), path)
        else:
            os.link(folder / f"ct{number % DIFFERENT:02d}_0000.nii", path)


def step(root: Path, *how: object, threads: int = 1) -> float:
    """The median seconds of a step, after the first ten."""
    shutil.rmtree(root / "run", ignore_errors=True)
    plan, split = (
        root / "here" / "labeled-2" / "draw-0" / "plan.json",
        root / "here" / "labeled-2" / "draw-0" / "split.json",
    )
    size = [word for value in WHOLE for word in ("--set", f"plan.{value}")]
    given = ("--plan", plan, "--split", split, "--prepared", root / "prepared", "--steps", STEPS, "--workers", 0, *size)
    seconds("train", root / "few", "-o", root / "run", "--method", "supervised", *given, *how, threads=threads)
    rows = [json.loads(line) for line in (root / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return statistics.median(row["seconds"] for row in rows[10:])


def recovery(root: Path) -> float:
    """Seconds from the death of a worker until its training has been started again."""
    shutil.rmtree(root / "killed", ignore_errors=True)
    where = ("--on", "ray", "--address", "local", "--processes", 2)
    running = command("study", root / "study.toml", "--data", root / "few", "-o", root / "killed", *where)
    while not (worker := _training(running.pid)):
        if running.poll() is not None:
            sys.exit("the study ended before a worker could be killed")
        time.sleep(0.05)
    run = Path(worker.cmdline()[-3]) / worker.cmdline()[-2]
    worker.parent().kill()  # the actor of Ray; its training ends with it
    died = time.perf_counter()
    while len(_starts(run)) < 2 and running.poll() is None:
        time.sleep(0.05)
    took = time.perf_counter() - died
    running.communicate()
    return took


def _training(of: int) -> psutil.Process | None:
    """A process that trains, and has made some steps, of the command with this number."""
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if "semivox.experiments.one_run" not in words:
                continue
            folder, run = words[-3:-1]
            if "killed" in folder and (Path(folder) / run / "log.jsonl").exists():
                return process
        except psutil.Error:
            continue
    return None


def _starts(run: Path) -> list[object]:
    """What the run's environment.json says of its starts."""
    from semivox.training.environment import starts

    return list(starts(run / "environment.json"))


def main() -> None:
    """Measure what is not kept yet, and write all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/engines.json"))
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    root = asked.kept
    if not root.exists():
        phantom.write(root / "few", 2, 2, 2, shape=(40, 40, 24), spacing=(4.0, 4.0, 4.0))
        phantom.write(root / "pool", 1, SCANS - 1, 0, shape=(40, 40, 24), spacing=(4.0, 4.0, 4.0))
        (root / "pool" / "imagesTr").rename(root / "many")
        write_large(root / "large")
        (root / "study.toml").write_text(STUDY, encoding="utf-8")
    ray = ("--on", "ray", "--address", "local")
    two, shared = ("--processes", "2"), ("--devices", 2, "--set", "train.split_batch=true")
    measured: dict[str, Callable[[], float]] = {
        "study of 8, here": lambda: study(root, "here"),
        "study of 8, Ray": lambda: study(root, "ray", *ray),
        "200 scans, one process": lambda: labeled(root, "many"),
        "200 scans asked again": lambda: labeled(root, "many", again=True),
        "200 scans, two processes": lambda: labeled(root, "many", *two),
        "200 scans, two on Ray": lambda: labeled(root, "many", *two, *ray),
        "20 CTs, one process": lambda: labeled(root, "large"),
        "20 CTs, two processes": lambda: labeled(root, "large", *two),
        "restart of a killed worker, Ray": lambda: recovery(root),
        "step, one thread": lambda: step(root),
        "step, two threads": lambda: step(root, threads=2),
        "step, two processes": lambda: step(root, *shared),
    }
    if shutil.which("sbatch"):
        measured["study of 8, SLURM"] = lambda: study(root, "slurm", "--on", "slurm", "--slurm", "time=10")
    path = root / "kept.json"
    kept: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}
    for turn in range(asked.rounds):
        for name, measure in measured.items():
            if len(kept.get(name, [])) <= turn:
                kept[name] = [*kept.get(name, []), round(measure(), 3)]
                path.write_text(json.dumps(kept, indent=2), encoding="utf-8")
                print(f"{name}: {kept[name][-1]:.3g} s", flush=True)
    asked.out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
