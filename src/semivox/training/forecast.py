"""What a run will cost on this machine, measured by dry steps of the method on made-up patches."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import psutil
import torch
from lightning_fabric import Fabric
from torch import nn

from semivox.core.batch import Batch
from semivox.core.plan import Forecast, Plan, Precision
from semivox.core.progress import Progress
from semivox.methods import DEFAULT, find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.training.loop import in_channels_last, on, turns
from semivox.training.settings import validated

StepFormat = tuple[Precision, bool]
"""Precision, and whether memory is laid out channels-last."""

WORTHWHILE = 0.9  # a second format must be this much faster than the first to be taken: dry steps scatter


def forecast(
    plan: Plan,
    method: str = DEFAULT,
    device: str = "auto",
    decided: Collection[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan with the fastest precision and memory format of this machine, and what training will then cost.

    ``decided``: fields of the plan that the user has set; ``precision`` and ``channels_last`` among them stay as they
    are. ``options`` of the method: its dry steps are those of the run, which may be many times smaller by them.
    """
    fabric = Fabric(accelerator=device, devices=1)
    settings = allowed(candidates(fabric.device), plan, decided)
    measured = {setting: measure(plan, method, setting, device, options) for setting in settings}
    best = quickest({setting: seconds for setting, (seconds, _) in measured.items()})
    (precision, channels_last), (seconds, memory) = best, measured[best]
    found = Forecast(
        method=method,
        seconds_per_step=round(seconds, 4),
        hours=round(seconds * plan.steps / 3600, 3),
        memory_mb=round(memory),
        device=fabric.device.type,
        threads=torch.get_num_threads(),
        candidates={named(setting): round(value[0], 4) for setting, value in measured.items()},
    )
    listing = ", ".join(f"{name} {value:.2f} s" for name, value in found.candidates.items())
    reasons = {
        "precision": f"fastest for one step of {method} here: {listing}; {bfloat16_reason(fabric.device)}",
        "channels_last": f"measured together with the precision: {listing}",
    }
    reasons = dict(plan.reasons) | {name: why for name, why in reasons.items() if name not in decided}
    update = {"precision": precision, "channels_last": channels_last, "forecast": found, "reasons": reasons}
    return Plan.model_validate(plan.model_dump() | update)


def candidates(device: torch.device) -> list[StepFormat]:
    """What is worth trying: bfloat16 only where convolutions gain from it."""
    settings: list[StepFormat] = [("32-true", False), ("32-true", True)]
    if bfloat16_gains(device):
        settings += [("bf16-mixed", False), ("bf16-mixed", True)]
    return settings


def allowed(settings: Sequence[StepFormat], plan: Plan, decided: Collection[str]) -> list[StepFormat]:
    """Those that leave the user's choices as they are; a precision that is not worth trying by itself is among them."""
    formats = [plan.channels_last] if "channels_last" in decided else [False, True]
    if "precision" in decided:
        return [(plan.precision, channels_last) for channels_last in formats]
    return [setting for setting in settings if setting[1] in formats]


def quickest(seconds: Mapping[StepFormat, float]) -> StepFormat:
    """The first, which is the plainest, unless another is clearly faster."""
    plain = next(iter(seconds))
    best = min(seconds, key=lambda setting: seconds[setting])
    return best if seconds[best] < WORTHWHILE * seconds[plain] else plain


def named(setting: StepFormat) -> str:
    """A setting in words."""
    precision, channels_last = setting
    return f"{precision}, {'channels-last' if channels_last else 'default'} format"


def bfloat16_gains(device: torch.device) -> bool:
    """Whether a small convolution, forward and backward, is faster in bfloat16.

    Processors without instructions for it emulate them, up to a hundred times slower: too slow to try a whole step.
    """
    single, half = convolution_seconds(device, torch.float32), convolution_seconds(device, torch.bfloat16)
    return half < WORTHWHILE * single


def bfloat16_reason(device: torch.device) -> str:
    """A sentence on bfloat16 for the plan."""
    single, half = convolution_seconds(device, torch.float32), convolution_seconds(device, torch.bfloat16)
    return f"a small convolution takes {1e3 * single:.1f} ms in float32 and {1e3 * half:.1f} ms in bfloat16"


@cache  # the plan's sentence must give the very figures that decided
def convolution_seconds(device: torch.device, dtype: torch.dtype, size: int = 16, channels: int = 32) -> float:
    """Seconds of a 3x3x3 convolution with its backward pass, best of three; (1, 32, 16, 16, 16)."""
    conv = nn.Conv3d(channels, channels, 3, padding=1).to(device, dtype)
    image = torch.randn(1, channels, size, size, size, device=device, dtype=dtype, requires_grad=True)
    times = []
    for _ in range(4):
        begin = clock(device)
        conv(image).sum().backward()
        times.append(clock(device) - begin)
    return min(times[1:])


def measure(
    plan: Plan, method: str, setting: StepFormat, device: str, options: Mapping[str, Any] | None = None, steps: int = 2
) -> tuple[float, float]:
    """Seconds a step, best of ``steps`` after one to warm up, and peak memory in MB."""
    precision, channels_last = setting
    fabric = Fabric(accelerator=device, devices=1, precision=precision)
    kind = find(method)
    learner = kind(validated(method, options or {}), Blueprint.of(plan)).train()
    if channels_last:
        learner = in_channels_last(learner)
    learner.to(fabric.device)
    optimizers = {}
    for name in kind.players:
        player = getattr(learner, name)
        wrapped, optimizers[name] = fabric.setup(player, getattr(learner.config, name).build(player))
        setattr(learner, name, wrapped)
    batch = on(fabric, made_up(plan, learner), learner)
    with PeakMemory(fabric.device) as peak:
        times = []
        for step in range(steps + 1):
            begin = clock(fabric.device)
            for losses in turns(fabric, learner.step(batch, Progress(plan.steps // 2 + step, plan.steps + steps))):
                optimizers[losses.player].zero_grad()
                fabric.backward(losses.total)
                optimizers[losses.player].step()
            times.append(clock(fabric.device) - begin)
    return min(times[1:]), peak.megabytes


def made_up(plan: Plan, method: Method) -> Batch:
    """A batch of the plan's size: noise, and a label with a box of every class."""
    generator = np.random.default_rng(0)
    unlabeled = plan.unlabeled_per_step if method.uses_unlabeled else 0
    total = plan.labeled_per_step + unlabeled
    image = generator.standard_normal((total, len(plan.channels), *plan.patch), dtype=np.float32)
    label = np.zeros(plan.patch, np.uint8)
    for index in range(1, len(plan.classes)):
        edge = [size * index // (len(plan.classes) + 1) for size in plan.patch]
        label[edge[0] :, edge[1] :, edge[2] :] = index
    targets = {}
    for name, function in method.targets.items():
        value = torch.from_numpy(np.ascontiguousarray(function(label, plan.spacing, len(plan.classes)), np.float32))
        targets[name] = value.expand(plan.labeled_per_step, *value.shape).contiguous()
    labels = torch.from_numpy(label).long().expand(plan.labeled_per_step, *plan.patch).contiguous()
    return Batch(torch.from_numpy(image), labels, tuple(f"case{i}" for i in range(total)), targets)


def clock(device: torch.device) -> float:
    """Seconds, after the device has finished what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class PeakMemory:
    """The largest memory in use during a block, in MB: of this process on a CPU, of the device on a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.megabytes = device, 0.0
        self.finished = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            self.watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.device.type == "cuda":
            self.megabytes = torch.cuda.max_memory_allocated(self.device) / 2**20
        else:
            self.finished.set()
            self.watcher.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self.finished.wait(0.005):
            self.megabytes = max(self.megabytes, process.memory_info().rss / 2**20)
