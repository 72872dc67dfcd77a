"""Which processes train together: one, several of this machine, or those that a launcher has started."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch.distributed.rendezvous import rendezvous

from semivox.core.errors import InputError, SemivoxError
from semivox.core.plurals import plural
from semivox.core.processes.launcher import MEDDLING, TORCHRUN, Launched, launched
from semivox.training.device import device_here
from semivox.training.settings import RunConfig, TrainSettings

TOGETHER = timedelta(minutes=5)
"""Within which the processes that a launcher has started must find one another."""
LONG = timedelta(days=30)
"""For what the others wait while the first process checks, plans and prepares."""


def require_here(train: TrainSettings) -> None:
    """Raise InputError, before any work, where this machine lacks the device, or several machines have no launcher."""
    device_here(train.device)
    if launched() is None and train.nodes > 1:
        raise InputError(
            f"--nodes {train.nodes} needs a launcher that starts semivox on every machine: torchrun --nnodes "
            f"{train.nodes} --nproc_per_node {train.devices} ... semivox train ..., or srun semivox train ..."
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
            f"{here.launcher} has started {plural(here.devices, 'process', 'processes')} on each of "
            f"{plural(here.nodes, 'machine')}, and --devices "
            f"{train.devices} --nodes {train.nodes} asks for a different number; leave these two options out"
        )
    own = train.model_copy(update={"devices": here.devices, "nodes": here.nodes})
    return config.model_copy(update={"train": own})


def connect(say: Callable[[str], None]) -> None:
    """Connect the processes that a launcher has started, before one of them begins with what takes hours.

    Raises SemivoxError where they do not come together within minutes.
    """
    here = launched()
    if here is None or torch.distributed.is_initialized():
        return
    from semivox.training.fabric import LaunchedEnvironment

    environment = LaunchedEnvironment(here)
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = environment.main_address, str(here.port)
    place = f"{environment.main_address}:{here.port}"
    say(f"{here.launcher} announces {here.size} processes; waiting for all of them at {place}")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        listening(lambda: _join(here, backend))
    except (RuntimeError, ValueError, OSError) as error:
        raise SemivoxError(
            f"the {here.size} processes that {here.launcher} announces did not come together at {place} within "
            f"{TOGETHER.total_seconds():.0f} seconds; start all of them at the same time, or take its variables "
            f"(such as {TORCHRUN[0]} and {TORCHRUN[2]}) out of the environment to train in one"
        ) from error
    atexit.register(disconnect)


def _join(here: Launched, backend: str) -> None:
    store, rank, size = next(rendezvous("env://", rank=here.rank, world_size=here.size, timeout=TOGETHER))
    torch.distributed.init_process_group(backend, store=store, rank=rank, world_size=size)


def wait_for_first() -> None:
    """Wait, in all processes of a launcher, until the first one has come here; it may check and prepare for hours.

    Raises SemivoxError where it ended before.
    """
    if launched() is None:
        return
    try:
        listening(_meet)
    except RuntimeError as error:
        raise SemivoxError("the first process ended before training began; its own message says why") from error


def _meet() -> None:
    """Wait until all processes are here."""
    group = torch.distributed.new_group(backend="gloo", timeout=LONG)
    torch.distributed.barrier(group)  # pyrefly: ignore[bad-argument-type]


def listening(wait: Callable[[], object]) -> None:
    """Wait for other processes in a thread, so that requests to stop are heard: torch's waiting is deaf to them."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            wait()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    if raised:
        raise raised[0]


def disconnect() -> None:
    """Take the group of processes down: threads of gloo may outlive what they need, and abort it at the end."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
