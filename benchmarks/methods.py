"""What does a step of each method cost, in time and memory, as a ratio to the supervised step?

    OMP_NUM_THREADS=1 python benchmarks/methods.py RUNS/hc-8/plan.json

Each method has a process of its own, in which its steps and those of ``supervised`` are timed in turn, best of
``--repeats`` each, on made-up patches of the plan's size. Memory is the peak of the process above what it held before
the first step was prepared. The supervised step sees the labeled patches alone, half of what the others see.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch

from semivox.core.plan import Plan
from semivox.methods import METHODS, find
from semivox.training.dry_steps import DrySteps
from semivox.training.forecast import PeakMemory
from semivox.training.settings import RunConfig, TrainSettings

TWIN = "supervised"
PRESETS = {"dkuxnet": "small"}
"""The ablation that stands for a method where its default is not meant for a CPU."""


class Cost(NamedTuple):
    """Of a step."""

    seconds: float
    twin_seconds: float
    megabytes: float


def main() -> None:
    """Measure and print a table."""
    options = arguments()
    plan = Plan.load(options.plan)
    costs: dict[str, Cost] = {}
    print("| method | step (s) | to supervised | memory (MB) | to supervised |\n|---|---|---|---|---|")
    for method in [TWIN, *(name for name in options.methods if name != TWIN)]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            costs[method] = cost = pool.apply(cost_of, (plan, method, options.repeats))
        memory = cost.megabytes / costs[TWIN].megabytes
        ratio = cost.seconds / cost.twin_seconds
        print(f"| {method} | {cost.seconds:.2f} | {ratio:.1f} | {cost.megabytes:.0f} | {memory:.1f} |", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="plan.json of any run")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def cost_of(plan: Plan, method: str, repeats: int) -> Cost:
    """Peak memory first, while the process is fresh; then the two kinds of steps in turn."""
    form = (plan.precision, plan.channels_last)
    changed = find(method).ablations[PRESETS[method]] if method in PRESETS else {}
    before = psutil.Process().memory_info().rss / 2**20
    with steps_of(plan, method, changed) as own, steps_of(plan, TWIN, {}) as twin:
        with PeakMemory(torch.device("cpu")) as memory:
            own(form)
        twin(form)  # the first of each also makes what later ones use
        pairs = [(own(form), twin(form)) for _ in range(repeats)]
    times, twins = zip(*pairs, strict=True)
    return Cost(min(times), min(twins), memory.megabytes - before)


def steps_of(plan: Plan, method: str, options: Mapping[str, Any]) -> DrySteps:
    """Training steps of a method on a made-up batch of the plan's size."""
    return DrySteps(plan, RunConfig(method=method, options=options, train=TrainSettings(device="cpu")))


if __name__ == "__main__":
    main()
