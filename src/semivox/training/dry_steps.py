"""Steps of a run on made-up patches: what measures time and memory of a training before there is one."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import torch

from semivox.core.batch import Batch
from semivox.core.plan import Plan, Precision
from semivox.core.progress import Progress
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.training.checkpoint import State
from semivox.training.formats import StepFormat
from semivox.training.loop import in_channels_last, on, prepared, turns
from semivox.training.own_time import Elapsed, OwnTime
from semivox.training.settings import RunConfig
from semivox.training.spec import batch_of_process
from semivox.training.validation import unwrapped


class DrySteps:
    """Steps of a run on a made-up batch, in any format; each call is one step and returns its own seconds."""

    def __init__(self, plan: Plan, config: RunConfig) -> None:
        self.plan, self.config = plan, config
        self.ready: dict[StepFormat, Callable[[int], None]] = {}
        self.looks: dict[StepFormat, Callable[[], object]] = {}
        self.done = 0

    def __enter__(self) -> DrySteps:
        return self

    def __exit__(self, *exception: object) -> None:
        self.ready.clear()
        self.looks.clear()
        gc.collect()

    def __call__(self, one: StepFormat) -> float:
        """Seconds of a step in this format, its own; see ``OwnTime``."""
        return self.elapsed(one).own

    def elapsed(self, one: StepFormat) -> Elapsed:
        """Seconds of a step in this format, its own and by the clock."""
        self._ready(one)
        watch = OwnTime(self.device)
        self.ready[one](self.done)
        self.done += 1
        return watch.elapsed()

    def look(self, one: StepFormat) -> float:
        """Seconds of a look at one patch in this format; see ``OwnTime``."""
        self._ready(one)
        watch = OwnTime(self.device)
        self.looks[one]()
        return watch.elapsed().own

    def _ready(self, one: StepFormat) -> None:
        if one not in self.ready:
            self.ready[one], self.looks[one] = self._built(*one)

    def _built(self, precision: Precision, channels_last: bool) -> tuple[Callable[[int], None], Callable[[], object]]:
        """What does step number n in the middle of a run, where every term has its weight; and a look at a patch."""
        from semivox.training.fabric import single_process

        fabric = single_process(self.config.train.device, precision)
        self.device = fabric.device
        method = find(self.config.method)(self.config.method_config(), Blueprint.of(self.plan)).train()
        method = in_channels_last(method) if channels_last else method
        optimizers = prepared(fabric, method, State())
        batch = on(fabric, made_up(self.plan, method, *batch_of_process(self.plan, self.config.train)), method)
        middle = self.plan.steps // 2

        def step(number: int) -> None:
            progress = Progress(middle + number, self.plan.steps + number + 1)
            for losses in turns(fabric, method.step(batch, progress)):
                optimizers[losses.moved_by].zero_grad()
                fabric.backward(losses.total)
                optimizers[losses.moved_by].step()

        def look() -> object:
            with torch.no_grad(), unwrapped(method.eval()):
                return method.predict(batch.image[:1].float())

        return step, look


def made_up(plan: Plan, method: Method, labeled: int, unlabeled: int) -> Batch:
    """A batch of the plan's size: noise, and a label with a box of every class."""
    generator = np.random.default_rng(0)
    total = labeled + (unlabeled if method.uses_unlabeled else 0)
    image = generator.standard_normal((total, len(plan.channels), *plan.patch), dtype=np.float32)
    label = np.zeros(plan.patch, np.uint8)
    for index in range(1, len(plan.classes)):
        edge = [size * index // (len(plan.classes) + 1) for size in plan.patch]
        label[edge[0] :, edge[1] :, edge[2] :] = index
    targets = {}
    for name, function in method.targets.items():
        value = torch.from_numpy(np.ascontiguousarray(function(label, plan.spacing, len(plan.classes)), np.float32))
        targets[name] = value.expand(labeled, *value.shape).contiguous()
    labels = torch.from_numpy(label).long().expand(labeled, *plan.patch).contiguous()
    return Batch(torch.from_numpy(image), labels, tuple(f"case{i}" for i in range(total)), targets)
