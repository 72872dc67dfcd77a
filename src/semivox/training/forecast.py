"""What a run will cost on this machine, measured by dry steps of the method on made-up patches."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Collection, Sequence
from statistics import median

import numpy as np
import psutil
import torch

from semivox.core.batch import Batch
from semivox.core.plan import Forecast, Plan, Precision
from semivox.core.progress import Progress
from semivox.data.planning.sizing import steps_within
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.blueprint import Blueprint
from semivox.training.checkpoint import State
from semivox.training.durations import busy_if_noteworthy
from semivox.training.fabric import single_process
from semivox.training.formats import (
    SECONDS,
    Decision,
    StepFormat,
    allowed,
    candidates,
    computes_bfloat16,
    decide,
    named,
)
from semivox.training.loop import in_channels_last, on, prepared, turns
from semivox.training.own_time import OwnTime
from semivox.training.probe import passes
from semivox.training.settings import RunConfig
from semivox.training.spec import batch_of_process, settled
from semivox.training.validation import unwrapped


def forecast(
    plan: Plan,
    config: RunConfig,
    decided: Collection[str] = (),
    count: Callable[[int, int], None] | None = None,
    hours: float | None = None,
    budget: float = SECONDS,
) -> Plan:
    """The plan with the fastest precision and memory format of this machine, and what training will then cost.

    The dry steps are those of the run that ``config`` describes: its method with all options, its batch, its device.
    ``decided``: fields of the plan that the user has set; ``precision`` and ``channels_last`` among them, and a
    precision that the settings name, stay as they are. ``count`` is told the seconds that pass, of ``budget``.
    ``hours``: that training may take; the plan then gets the steps that fit, and none: its own.
    """
    device = single_process(config.train.device).device
    fixed = {*decided, *(["precision"] if config.train.precision else [])}
    plan = settled(plan, config.train)
    formats = allowed(candidates(device), plan, fixed)
    with DrySteps(plan, config) as steps:
        decision = decide(formats, steps, budget, count=count)
        busy = steps.by_the_clock(decision.chosen)
    with PeakMemory(device) as peak, DrySteps(plan, config) as steps:
        for _ in range(2):
            steps(decision.chosen)
        look = steps.look(decision.chosen)
    precision, channels_last = decision.chosen
    seconds = decision.seconds[decision.chosen]
    reasons = _reasons(decision, formats, config.method, device)
    number = plan.steps
    if hours is not None:
        number, reasons["steps"] = steps_within(hours, seconds, device.type)
    looking = look * passes(plan.model_copy(update={"steps": number})) / (seconds * number)
    found = Forecast(
        method=config.method,
        seconds_per_step=round(seconds, 4),
        busy_seconds_per_step=busy_if_noteworthy(seconds, busy),
        hours=round(seconds * number * (1 + looking) / 3600, 3),
        looking=round(looking, 4),
        memory_mb=round(peak.megabytes),
        device=device.type,
        threads=torch.get_num_threads(),
        candidates={named(one): round(value, 4) for one, value in decision.seconds.items()},
    )
    reasons = dict(plan.reasons) | {name: why for name, why in reasons.items() if name not in fixed}
    update = {"precision": precision, "channels_last": channels_last, "steps": number, "forecast": found}
    return Plan.model_validate(plan.model_dump() | update | {"reasons": reasons})


def _reasons(decision: Decision, formats: Sequence[StepFormat], method: str, device: torch.device) -> dict[str, str]:
    """Why this precision and this memory format."""
    listing = ", ".join(f"{named(one)} {value:.3g} s" for one, value in decision.seconds.items())
    measured = f"the fastest step of {method} here, of {decision.rounds} in turn: {listing}"
    bfloat16 = (
        "this processor has instructions for bfloat16"
        if computes_bfloat16(device)
        else "this processor has no instructions for bfloat16, so it was not tried"
    )
    if decision.chosen != formats[0]:
        why = f"faster than the default, {named(formats[0])}"
    elif decision.undecided:
        undecided = " and ".join(map(named, decision.undecided))
        why = f"the default; the time was too short to tell whether {undecided} would be faster"
    else:
        why = "the default, and none was faster by a tenth"
    return {"precision": f"{why}; {measured}; {bfloat16}", "channels_last": f"{why}; measured with the precision"}


class DrySteps:
    """Steps of a run on a made-up batch, in any format; each call is one step and returns its own seconds."""

    def __init__(self, plan: Plan, config: RunConfig) -> None:
        self.plan, self.config = plan, config
        self.ready: dict[StepFormat, Callable[[int], None]] = {}
        self.clocks: dict[StepFormat, list[float]] = {}
        self.looks: dict[StepFormat, Callable[[], object]] = {}
        self.done = 0

    def __enter__(self) -> DrySteps:
        return self

    def __exit__(self, *exception: object) -> None:
        self.ready.clear()
        self.looks.clear()
        gc.collect()

    def __call__(self, one: StepFormat) -> float:
        """Seconds of a step in this format; see ``OwnTime``."""
        if one not in self.ready:
            self.ready[one], self.looks[one] = self._built(*one)
        watch = OwnTime(self.device)
        self.ready[one](self.done)
        self.done += 1
        elapsed = watch.elapsed()
        self.clocks.setdefault(one, []).append(elapsed.clock)
        return elapsed.own

    def by_the_clock(self, one: StepFormat) -> float:
        """Median seconds of a step in this format, with all that other programs took; the first warms up."""
        times = self.clocks.get(one, [0.0])
        return median(times[1:] or times)

    def look(self, one: StepFormat) -> float:
        """Seconds of a look at one patch, in a format of which a step was done; see ``OwnTime``."""
        watch = OwnTime(self.device)
        self.looks[one]()
        return watch.elapsed().own

    def _built(self, precision: Precision, channels_last: bool) -> tuple[Callable[[int], None], Callable[[], object]]:
        """What does step number n in the middle of a run, where every term has its weight; and a look at a patch."""
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
