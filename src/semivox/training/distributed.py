"""Several processes that train one method: each computes gradients on its own patches, all take the mean of them.

torch's wrapper for this (DistributedDataParallel) demands that each backward pass reaches every parameter, and counts
them from the network's last call. A method may call its network several times in a turn, let a head or a decoder rest,
or have a term switched off by a weight of 0, so we average what there is after the backward pass instead.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from semivox.core.errors import InterruptedRun, SemivoxError
from semivox.core.processes.main_guard import raise_if_unguarded
from semivox.core.processes.parent_death import end_with_parent
from semivox.methods.method import Method
from semivox.training.stopping import StopRequest


class LoopAveragedStrategy(DDPStrategy):
    """Starts the processes and connects them, and leaves networks unwrapped."""

    @classmethod
    def started(cls) -> LoopAveragedStrategy:
        """For processes that torchrun has started, else for those that we shall start."""
        return cls(start_method="popen" if started_by_torchrun() else "spawn")

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        """The module as it is."""
        return module


def launch(fabric: Fabric, task: Callable[..., None], *arguments: Any) -> None:
    """Run ``task(fabric, *arguments)`` in every process, and wait for all.

    What one of them raises for people is raised here, and a request to stop is passed on to all. They end with this
    process, however it ends. Raises SemivoxError too if one is killed.
    """
    said = multiprocessing.get_context("spawn").SimpleQueue()
    stop = _PassedOn()
    with stop.listening():
        try:
            fabric.launch(_run, task, said, *arguments)  # type: ignore[arg-type]
        except (ProcessRaisedException, ProcessExitedException) as error:
            if not said.empty():
                raise said.get() from None
            if stop.asked:
                raise InterruptedRun("stopped; run the same command again to resume") from error
            if isinstance(error, ProcessExitedException):
                raise_if_unguarded([error.exit_code])
                raise SemivoxError(
                    f"process {error.error_index} of those that train together was killed, most likely for lack of "
                    "memory; fewer --devices, a smaller --patch or fewer --workers need less. The same command resumes "
                    "from the last checkpoint"
                ) from error
            raise


def _run(fabric: Fabric, task: Callable[..., None], said: Any, *arguments: Any) -> None:
    """In each process: do the task, and hand over what is for people to read."""
    if not started_by_torchrun():
        end_with_parent()
    try:
        task(fabric, *arguments)
    except SemivoxError as error:
        said.put(error)
        raise


class _PassedOn(StopRequest):
    """A request to stop that is passed on to the processes that train: they save, and end."""

    def __init__(self) -> None:
        super().__init__()
        self.others = set(multiprocessing.active_children())

    def _note(self, number: int, frame: FrameType | None) -> None:
        super()._note(number, frame)
        for process in set(multiprocessing.active_children()) - self.others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGTERM)  # not SIGINT, of which a second one ends at once


def started_by_torchrun() -> bool:
    """Whether other processes of this run have been started beside this one."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def share(fabric: Fabric, method: Method) -> None:
    """Give every process the state of the first."""
    if fabric.world_size > 1:
        for value in (*method.parameters(), *method.buffers()):
            whole = value.detach().contiguous()  # weights may lie channels-last
            torch.distributed.broadcast(whole, src=0)
            value.detach().copy_(whole)


def share_buffers(fabric: Fabric, method: Method) -> None:
    """Give every process the buffers of the first, so that all hold the same state and one of them can be saved."""
    if fabric.world_size > 1:
        for buffer in method.buffers():
            torch.distributed.broadcast(buffer, src=0)


def average(fabric: Fabric, player: nn.Module) -> None:
    """Replace each gradient by its mean over the processes.

    A parameter that has none in one process counts as 0 there. One that has none anywhere keeps none, so that momentum
    and weight decay leave it alone, as in a single process.
    """
    if fabric.world_size == 1:
        return
    trained = [parameter for parameter in player.parameters() if parameter.requires_grad]
    reached = torch.tensor([float(one.grad is not None) for one in trained], device=fabric.device)
    torch.distributed.all_reduce(reached)
    moved = [one for one, count in zip(trained, reached.tolist(), strict=True) if count]
    for parameter in moved:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    if not moved:
        return
    gradients = [parameter.grad for parameter in moved if parameter.grad is not None]
    total = torch.cat([gradient.reshape(-1) for gradient in gradients])
    torch.distributed.all_reduce(total)
    total /= fabric.world_size
    for gradient, mean in zip(gradients, total.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))
