"""Several processes that train one method: each computes gradients on its own patches, all take the mean of them.

torch's wrapper for this (DistributedDataParallel) demands that each backward pass reaches every parameter, and counts
them from the network's last call. A method may call its network several times in a turn, let a head or a decoder rest,
or have a term switched off by a weight of 0, so we average what there is after the backward pass instead.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from semivox.core.errors import InputError, InterruptedRun, SemivoxError
from semivox.core.plan import Precision
from semivox.core.processes.launcher import MEDDLING, Launched, launched
from semivox.core.processes.main_guard import raise_if_unguarded
from semivox.core.processes.parent_death import end_with_parent
from semivox.methods.method import Method
from semivox.training.settings import RunConfig, TrainSettings
from semivox.training.stopping import StopRequest

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # its words are for those who know it
LONG = timedelta(days=30)
"""For what the others wait while the first process checks, plans and prepares."""


class LoopAveragedStrategy(DDPStrategy):
    """Starts the processes and connects them, and leaves networks unwrapped."""

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        """The module as it is."""
        return module


class LaunchedEnvironment(ClusterEnvironment):
    """What Fabric asks about processes that a launcher has started."""

    def __init__(self, here: Launched) -> None:
        super().__init__()
        self.here = here

    @property
    def creates_processes_externally(self) -> bool:
        """They run already."""
        return True

    @property
    def main_address(self) -> str:
        """Host name of the machine of rank 0."""
        return SLURMEnvironment.resolve_root_node_address(self.here.address)

    @property
    def main_port(self) -> int:
        """Where it listens."""
        return self.here.port

    @staticmethod
    def detect() -> bool:
        """Fabric is told, and need not look for it."""
        return False

    def world_size(self) -> int:
        """Processes in all."""
        return self.here.size

    def set_world_size(self, size: int) -> None:
        """The launcher has decided."""

    def global_rank(self) -> int:
        """Number of this one."""
        return self.here.rank

    def set_global_rank(self, rank: int) -> None:
        """The launcher has decided."""

    def local_rank(self) -> int:
        """Number of this one on its machine."""
        return self.here.local_rank

    def node_rank(self) -> int:
        """Number of the machine."""
        return self.here.node


def fabric_of(train: TrainSettings, precision: Precision) -> Fabric:
    """The process, or those, that train together. Raises InputError where several machines have no launcher."""
    here = launched()
    if here is None and train.nodes > 1:
        raise InputError(
            f"--nodes {train.nodes} needs a launcher that starts semivox on every machine: torchrun --nnodes "
            f"{train.nodes} --nproc_per_node {train.devices} ... semivox train ..., or srun semivox train ..."
        )
    alone = train.devices == 1 and here is None
    strategy = LoopAveragedStrategy(start_method="popen" if here else "spawn")
    environment = LaunchedEnvironment(here) if here else LightningEnvironment()
    with unmeddled() if here is None else nullcontext():
        return Fabric(
            accelerator=train.device,
            devices=train.devices,
            num_nodes=train.nodes,
            strategy="auto" if alone else strategy,
            precision=precision,
            plugins=None if alone else [environment],
        )


@contextmanager
def unmeddled() -> Iterator[None]:
    """Without variables by which libraries would take this process for one of several: someone else left them."""
    taken = {name: os.environ.pop(name) for name in MEDDLING if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


def with_launchers_processes(config: RunConfig) -> RunConfig:
    """The configuration with as many processes as the launcher has started. Raises InputError for other wishes."""
    here, train = launched(), config.train
    if here is None or (train.devices, train.nodes) == (here.devices, here.nodes):
        return config
    if (train.devices, train.nodes) != (1, 1):
        raise InputError(
            f"{here.launcher} has started {here.devices} process(es) on each of {here.nodes} machine(s), and --devices "
            f"{train.devices} --nodes {train.nodes} asks for others; leave these two options out"
        )
    own = train.model_copy(update={"devices": here.devices, "nodes": here.nodes})
    return config.model_copy(update={"train": own})


def wait_for_first() -> None:
    """Wait, in all processes of a launcher, until the first one has come here; it may check and prepare for hours.

    Raises SemivoxError where it ended before.
    """
    here = launched()
    if here is None:
        return
    if not torch.distributed.is_initialized():
        environment = LaunchedEnvironment(here)
        os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = environment.main_address, str(here.port)
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        torch.distributed.init_process_group(backend, rank=here.rank, world_size=here.size)
        atexit.register(_disconnect)
    try:
        torch.distributed.barrier(torch.distributed.new_group(backend="gloo", timeout=LONG))
    except RuntimeError as error:
        raise SemivoxError("the first process ended before training began; its own words say why") from error


def _disconnect() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def launch(fabric: Fabric, task: Callable[..., None], *arguments: Any) -> None:
    """Run ``task(fabric, *arguments)`` in every process, and wait for all.

    What one of them raises for people is raised here, and a request to stop is passed on to all. They end with this
    process, however it ends. Raises SemivoxError too if one is killed.
    """
    said = multiprocessing.get_context("spawn").SimpleQueue()
    stop = _PassedOn()
    with stop.listening(), unmeddled() if launched() is None else nullcontext():
        try:
            fabric.launch(_run, task, said, _Sealed(arguments))  # type: ignore[arg-type]
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


class _Sealed:
    """Arguments that Fabric does not look into: it would change values in them, and ours are frozen."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments


def _run(fabric: Fabric, task: Callable[..., None], said: Any, sealed: _Sealed) -> None:
    """In each process: do the task, and hand over what is for people to read."""
    if launched() is None:
        end_with_parent()
    try:
        task(fabric, *sealed.arguments)
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
            process.terminate()  # SIGTERM, not SIGINT, of which a second one ends at once


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
