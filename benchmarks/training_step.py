"""How long is a training step, against the same step in plain float32 and the default memory format?

    python benchmarks/training_step.py --patch 112,112,80 --repeats 3

Times one step of ``supervised`` and of ``ua_mt`` on the benchmark's V-Net (1 channel, 2 classes; 2 labeled and 2
unlabeled patches): as Semivox runs it, in the precision and memory format that the plan's forecast picks on this
machine, and plainly: float32, default format, doubled Monte-Carlo batches whose outputs are all kept, a teacher
averaged parameter by parameter. Both in one process, in turn; the ratio is that of the best of each. The share of the
peak is the convolutions' arithmetic over time, against a large matrix product measured here.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.methods import find
from semivox.networks.blueprint import Blueprint
from semivox.training.dry_steps import DrySteps, made_up
from semivox.training.formats import StepFormat, candidates, computes_bfloat16, named
from semivox.training.settings import RunConfig, TrainSettings

MULTIPLY_ADDS = 40.108e9 / (112 * 112 * 80)
"""Of the V-Net, per voxel of a patch, one forward pass."""
PASSES = 8
FORWARDS = {"supervised": 2 * 3, "ua_mt": 4 * 3 + 2 * (PASSES + 1)}
"""Patches times passes of a step, a backward pass counting as two forward ones."""


def plain_supervised(network: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    """Cross-entropy and Dice on two labeled patches."""
    optimizer.zero_grad()
    plain_loss(network(batch.image[:2]).logits, batch.label).backward()
    optimizer.step()


def plain_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Half cross-entropy, half Dice of class 1."""
    p, g = logits.softmax(1)[:, 1], (label == 1).float()
    dice = 1 - (2 * (p * g).sum() + 1e-5) / (p.square().sum() + g.square().sum() + 1e-5)
    return 0.5 * (F.cross_entropy(logits, label) + dice)


def plain_ua_mt(network: nn.Module, teacher: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    """UA-MT with all outputs of the Monte-Carlo passes kept, two passes at a time."""
    image_u = batch.image[2:]
    logits = network(batch.image).logits
    with torch.no_grad():
        target = teacher(image_u + noise(image_u)).logits.softmax(1)
        twice = image_u.repeat(2, 1, 1, 1, 1)
        outputs = torch.zeros(PASSES * 2, *target.shape[1:])
        for i in range(PASSES // 2):
            outputs[4 * i : 4 * (i + 1)] = teacher(twice + noise(twice)).logits
        mean = outputs.softmax(1).reshape(PASSES, 2, *target.shape[1:]).mean(0)
        uncertainty = -(mean * (mean + 1e-6).log()).sum(1, keepdim=True)
        mask = (uncertainty < 0.8 * math.log(2)).float()
    difference = (logits[2:].softmax(1) - target) ** 2
    consistency = (mask * difference).sum() / (2 * mask.sum() + 1e-16)
    optimizer.zero_grad()
    (plain_loss(logits[:2], batch.label) + 0.05 * consistency).backward()
    optimizer.step()
    for mine, theirs in zip(teacher.parameters(), network.parameters(), strict=True):
        mine.data.mul_(0.99).add_(theirs.data, alpha=0.01)


def noise(image: Tensor) -> Tensor:
    """Clipped Gaussian noise."""
    return torch.clamp(torch.randn_like(image) * 0.1, -0.2, 0.2)


def seconds(step: Callable[[], object], repeats: int) -> float:
    """Best of some calls, after one to warm up."""
    step()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return min(times)


def matmul_peak(dtype: torch.dtype, size: int = 3072) -> float:
    """Operations per second of a large matrix product."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    return 2 * size**3 / seconds(lambda: torch.mm(a, b), 3)


def step_times(plan: Plan, method: str, forms: Sequence[StepFormat], repeats: int) -> dict[StepFormat, float]:
    """Format -> seconds of the fastest step; formats in turn, so that other work meets all of them."""
    with DrySteps(plan, RunConfig(method=method, options={}, train=TrainSettings(device="cpu"))) as step:
        for form in forms:
            step(form)  # the first also makes what later ones use
        rounds = [{form: step(form) for form in forms} for _ in range(repeats)]
    return {form: min(times[form] for times in rounds) for form in forms}


def plan_of(patch: str, options: Mapping[str, Any]) -> Plan:
    """The benchmark's V-Net with these options: one channel, two classes; ``patch`` as ``112,112,80``."""
    x, y, z = (int(size) for size in patch.split(","))
    classes = (ClassInfo(name="background", value=0), ClassInfo(name="object", value=1))
    return Plan(
        dataset="benchmark",
        classes=classes,
        channels=("MR",),
        spacing=(0.625, 0.625, 0.625),
        patch=(x, y, z),
        intensity=(Intensity(scheme="zscore"),),
        network=NetworkChoice(name="vnet", options=options),
        steps=6000,
        fingerprint=Fingerprint(dataset="benchmark", channels=("MR",), classes=classes, cases=()),
        reasons={},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patch", default="112,112,80")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    plan = plan_of(options.patch, {})
    x, y, z = plan.patch
    device = torch.device("cpu")
    half = computes_bfloat16(device)
    peak = matmul_peak(torch.bfloat16 if half else torch.float32)
    kind = "bfloat16" if half else "float32"
    print(f"{torch.get_num_threads()} threads; matrix product in {kind}: {peak / 1e9:.0f} GFLOP/s\n")
    print("| method | plain (s) | Semivox (s) | format | ratio | share of peak |\n|---|---|---|---|---|---|")
    for method in ("supervised", "ua_mt"):
        network = Blueprint.of(plan).segmenter().train()
        teacher = copy.deepcopy(network).requires_grad_(False)
        optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
        batch = made_up(plan, find("ua_mt")(find("ua_mt").Config(), Blueprint.of(plan)), 2, 2)
        if method == "supervised":
            plain = seconds(lambda n=network, o=optimizer, b=batch: plain_supervised(n, o, b), options.repeats)
        else:
            plain = seconds(lambda n=network, t=teacher, o=optimizer, b=batch: plain_ua_mt(n, t, o, b), options.repeats)
        del network, teacher, optimizer
        found = step_times(plan, method, candidates(device), options.repeats)
        best = min(found, key=lambda form: found[form])
        work = 2 * MULTIPLY_ADDS * x * y * z * FORWARDS[method]
        share = work / found[best] / peak
        ratio = plain / found[best]
        print(
            f"| {method} | {plain:.2f} | {found[best]:.2f} | {named(best)} | {ratio:.2f} | {100 * share:.0f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
