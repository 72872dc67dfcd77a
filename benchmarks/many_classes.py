"""How a training step grows with the number of classes, method by method: 2, 20 and 60.

    OMP_NUM_THREADS=1 python -m benchmarks.many_classes --patch 48,48,32

A step of the V-Net of width 8 on a made-up batch in float32 and channels-last: its own seconds, the best of
``--repeats``, and what the peak memory of its process grew by since before the network was made.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource

from benchmarks.methods import PRESETS, steps_of
from benchmarks.training_step import plan_of

from semivox.core.plan import ClassInfo
from semivox.methods import METHODS, find
from semivox.training.formats import StepFormat

FORMAT: StepFormat = ("32-true", True)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--classes", nargs="*", type=int, default=[2, 20, 60])
    parser.add_argument("--patch", default="48,48,32")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    heads = [f"{classes} classes, {what}" for what in ("ms", "GB") for classes in asked.classes]
    print(f"| method | {' | '.join(heads)} |\n|{'---|' * (1 + len(heads))}")
    for method in asked.methods:
        found = []
        for classes in asked.classes:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found.append(pool.apply(measured, (method, classes, asked.patch, asked.repeats)))
        cells = [f"{1000 * seconds:.0f}" for seconds, _ in found] + [f"{memory:.2f}" for _, memory in found]
        print(f"| {method} | {' | '.join(cells)} |", flush=True)


def measured(method: str, classes: int, patch: str, repeats: int) -> tuple[float, float]:
    """Seconds of a step, and GB that its process grew by."""
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    named = tuple(ClassInfo(name=f"class {value}", value=value) for value in range(classes))
    plan = plan_of(patch, {"width": 8})
    plan = plan.model_copy(update={"classes": named})
    options = find(method).ablations[PRESETS[method]] if method in PRESETS else {}
    with steps_of(plan, method, options) as step:
        step(FORMAT)
        seconds = min(step(FORMAT) for _ in range(repeats))
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) / 2**20


if __name__ == "__main__":
    main()
