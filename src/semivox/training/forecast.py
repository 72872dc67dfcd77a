"""What a run will cost on this machine, measured by dry steps of the method on made-up patches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

import psutil
import torch

from semivox.core.plan import Forecast, Plan
from semivox.data.planning.sizing import steps_within
from semivox.training.dry_steps import DrySteps
from semivox.training.durations import busy_if_noteworthy
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
from semivox.training.own_time import on_free_cores
from semivox.training.probe import passes
from semivox.training.settings import RunConfig
from semivox.training.spec import settled


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
    from semivox.training.fabric import single_process

    device = single_process(config.train.device).device
    fixed = {*decided, *(["precision"] if config.train.precision else [])}
    plan = settled(plan, config.train)
    formats = allowed(candidates(device), plan, fixed)
    with on_free_cores(device) as threads, DrySteps(plan, config) as steps:
        decision = decide(formats, steps, budget, count=count)
        look = steps.look(decision.chosen)
    with PeakMemory(device) as peak, DrySteps(plan, config) as steps:
        steps(decision.chosen)  # warms up
        busy = steps.elapsed(decision.chosen).clock
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
        threads=threads,
        or_less=threads < torch.get_num_threads(),
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
