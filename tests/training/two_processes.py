"""What two processes do at once in the tests of distributed training: some steps of methods on made-up patches."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.files import write_text
from semivox.core.mappings import merged
from semivox.methods import find
from semivox.methods.method import Method
from semivox.testing.patches import batch, blueprint
from semivox.training.averaging import average
from semivox.training.checkpoint import State
from semivox.training.distributed import launch
from semivox.training.fabric import LoopAveragedStrategy
from semivox.training.loop import Observer, Pace, in_channels_last, train
from semivox.training.stopping import StopRequest
from tests import faults
from tests.contract import examples

STEPS = 3
CHANNELS_LAST = "weights channels-last"
"""Name of a case."""
Case = tuple[str, str, Mapping[str, Any]]
"""Method, name of the case, options."""


def ablations(methods: Sequence[str]) -> list[Case]:
    """Each method as it is, and each of its ablations."""
    return [(name, case, options) for name in methods for case, options in {"": {}, **find(name).ablations}.items()]


def made(name: str, options: Mapping[str, Any]) -> Method:
    """A small method, the same in every process."""
    tested = examples.configured(name).model_dump(mode="json", exclude_unset=True)
    return examples.build(name, blueprint(), dict(merged(tested, options)))


def trained(fabric: Fabric, name: str, case: str, options: Mapping[str, Any]) -> Method:
    """The method after some steps, in which each process sees other patches."""
    method = made(name, options) if case != CHANNELS_LAST else in_channels_last(made(name, options))
    seeds = (fabric.world_size * step + fabric.global_rank for step in range(STEPS))
    batches = [batch(type(method), seed=seed) for seed in seeds]
    train(fabric, method, lambda start: batches[start:], Pace(STEPS, 0, 12.0), Observer(), State())
    return method


def differing(fabric: Fabric, method: Method) -> list[str]:
    """Names of what is not the same in all processes, or not finite."""
    found = []
    for name, value in method.state_dict().items():
        first = value.detach().clone()
        torch.distributed.broadcast(first, src=0)
        same = torch.tensor([float(torch.equal(first, value) and bool(torch.isfinite(value.float()).all()))])
        torch.distributed.all_reduce(same)
        found += [name] if same.item() < fabric.world_size else []
    return found


def run(fabric: Fabric, cases: Sequence[Case], out: Path) -> None:
    """Do all cases; ``out`` gets what came of each: nothing, or what was wrong."""
    torch.set_num_threads(1)
    told = {}
    for name, case, options in cases:
        try:
            wrong = differing(fabric, trained(fabric, name, case, options))
            told[f"{name}: {case}"] = f"not the same: {wrong}" if wrong else ""
        except (RuntimeError, SemivoxError) as error:
            told[f"{name}: {case}"] = f"{type(error).__name__}: {error}"
    if fabric.is_global_zero:
        out.write_text(json.dumps(told), encoding="utf-8")


def averaged(fabric: Fabric, out: Path) -> None:
    """Average the gradients of three layers: one is used by both processes, one by the second only, one by none."""
    torch.manual_seed(0)
    layers = nn.ModuleDict({name: nn.Linear(2, 1, bias=False) for name in ("both", "second", "none")})
    given = torch.full((1, 2), fabric.global_rank + 1.0)
    used = ("both", "second") if fabric.global_rank == 1 else ("both",)
    torch.stack([layers[name](given).sum() for name in used]).sum().backward()
    average(fabric, layers)
    found = {name: None if layer.weight.grad is None else layer.weight.grad.tolist() for name, layer in layers.items()}
    out.with_name(f"{out.name}-{fabric.global_rank}").write_text(json.dumps(found), encoding="utf-8")


def together(task: Any, *arguments: Any, start: Any = "forkserver") -> None:
    """Run ``task(fabric, *arguments)`` in two processes, forked from a clean one that has imported everything."""
    faults.CONTEXT.get_start_method()
    launch(Fabric(accelerator="cpu", devices=2, strategy=LoopAveragedStrategy(start_method=start)), task, *arguments)


def fail(fabric: Fabric, how: str) -> None:
    """The second process ends as it is told; the first one would wait for it without end."""
    if fabric.global_rank == 1:
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise InputError("scan 'x' cannot be read")
    fabric.barrier()


def train_until_stopped(fabric: Fabric, out: Path) -> None:
    """Tell which process this is, and wait for a request to stop."""
    stop = StopRequest()
    with stop.listening():
        write_text(out / str(fabric.global_rank), str(os.getpid()))
        while not stop.asked:
            time.sleep(0.01)
    raise InterruptedRun("stopped and saved")


def until_stopped(out: Path) -> None:
    """A program that trains in two processes; ends as a command does."""
    try:
        together(train_until_stopped, out, start="fork")  # this one is clean itself, and their parent
    except SemivoxError as error:
        sys.exit(error.code)
