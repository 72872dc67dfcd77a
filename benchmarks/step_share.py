"""What share of the processor's fastest arithmetic does a training step reach, method by method?

    OMP_NUM_THREADS=1 python -m benchmarks.step_share --widths 8 16 --patch 64,64,48

The arithmetic of a step is counted by PyTorch while it runs (convolutions and matrix products, forward and backward, a
multiplication and an addition as two), its time is the best of ``--repeats`` in the format that is fastest here, and
the peak is that of a large matrix product in bfloat16 or float32, whichever is faster. Norms, activations, losses and
the optimizer have time but no arithmetic that counts, so 100 % is out of reach.
"""

from __future__ import annotations

import argparse
import multiprocessing
from typing import NamedTuple

import torch
from benchmarks.methods import PRESETS, steps_of
from benchmarks.training_step import matmul_peak, plan_of
from torch.utils.flop_counter import FlopCounterMode

from semivox.core.plan import Plan
from semivox.methods import METHODS, find
from semivox.training.formats import candidates, computes_bfloat16, named


class Step(NamedTuple):
    """A step in its fastest format."""

    form: str
    operations: int
    seconds: float


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--widths", nargs="*", type=int, default=[8, 16])
    parser.add_argument("--patch", default="64,64,48")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    kinds = [torch.float32, *([torch.bfloat16] if computes_bfloat16(torch.device("cpu")) else [])]
    peaks = {str(kind).removeprefix("torch."): matmul_peak(kind) for kind in kinds}
    told = ", ".join(f"{kind} {peak / 1e9:.0f} GFLOP/s" for kind, peak in peaks.items())
    print(f"{torch.get_num_threads()} threads; matrix product: {told}\n")
    print("| method | width | format | GFLOP | seconds | share of the peak |\n|---|---|---|---|---|---|")
    for method in asked.methods:
        for width in asked.widths:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                step = pool.apply(fastest, (method, plan_of(asked.patch, {"width": width}), asked.repeats))
            share = step.operations / step.seconds / max(peaks.values())
            cells = (method, width, step.form, f"{step.operations / 1e9:.0f}", f"{step.seconds:.3f}", f"{share:.0%}")
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


def fastest(method: str, plan: Plan, repeats: int) -> Step:
    """The arithmetic of a step, and its time in the fastest format."""
    options = find(method).ablations[PRESETS[method]] if method in PRESETS else {}
    forms = candidates(torch.device("cpu"))
    with steps_of(plan, method, options) as step:
        with FlopCounterMode(display=False) as counted:
            step(forms[0])
        for form in forms[1:]:
            step(form)  # the first also makes what later ones use
        times = [{form: step(form) for form in forms} for _ in range(repeats)]
    least = {form: min(one[form] for one in times) for form in forms}
    best = min(forms, key=lambda form: least[form])
    return Step(named(best), counted.get_total_flops(), least[best])


if __name__ == "__main__":
    main()
