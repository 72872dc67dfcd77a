"""The training loop: minimize each loss that the method hands over, log it, save now and then.

It names no method and no kind of method. A teacher, a discriminator, a memory bank live in the method's ``step``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from semivox.core.batch import Batch
from semivox.core.errors import SemivoxError
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses, Method
from semivox.training.averaging import average, share, share_buffers
from semivox.training.checkpoint import State

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MOST_SKIPPED = 3  # steps in a row without finite gradients, after which going on is pointless


class Diverged(SemivoxError):
    """Gradients were not finite at so many steps in a row that going on is pointless."""

    def __init__(self, step: int, skipped: int) -> None:
        super().__init__(f"gradients were not finite at {skipped} steps in a row, last at {step}; lower the rate")
        self.step = step


class Pace(NamedTuple):
    """How long to train, from which seed, and the longest gradient that is not shortened."""

    steps: int
    seed: int
    clip: float


class Observer:
    """What happens around the steps: logging, saving, validating, stopping. The loop calls it, and nothing else."""

    def turned(self, step: int, losses: Losses, rate: float, norm: float) -> None:
        """A loss was minimized."""

    def stepped(self, done: int, state: Callable[[], State]) -> None:
        """A step is complete; ``done`` steps are. Raises InterruptedRun to stop."""


def train(
    fabric: Fabric,
    method: Method,
    batches: Callable[[int], Iterable[Batch]],
    pace: Pace,
    observer: Observer,
    saved: State,
) -> None:
    """Train from the saved state to the last step. Raises Diverged when gradients stay non-finite."""
    optimizers = prepared(fabric, method, saved)
    skipped = saved.skipped
    for step, batch in enumerate(batches(saved.step), saved.step):
        method.train()
        progress = Progress(step, pace.steps)
        seed_step(pace.seed, step, fabric.global_rank)
        finite: list[bool] = []
        for losses in turns(fabric, method.step(on(fabric, batch, method), progress)):
            optimizer, player = optimizers[losses.moved_by], getattr(method, losses.player)
            rate = set_rate(optimizer, getattr(method.config, losses.moved_by).rate_at(progress) / 2**saved.slowed)
            optimizer.zero_grad()  # also drops what another player's turn left here
            fabric.backward(losses.total)
            average(fabric, player)
            norm = clipped(fabric, player, optimizer, pace.clip)
            finite.append(math.isfinite(norm))
            if finite[-1]:
                optimizer.step()
            observer.turned(step, losses, rate, norm)
        skipped = 0 if all(finite) else skipped + 1
        if skipped >= MOST_SKIPPED:
            raise Diverged(step, skipped)
        share_buffers(fabric, method)
        observer.stepped(step + 1, partial(state_of, step + 1, method, optimizers, skipped, saved.slowed))


def turns(fabric: Fabric, step: Iterator[Losses]) -> Iterator[Losses]:
    """Run the method under autocast and the loop outside it."""
    while True:
        with fabric.autocast():
            losses = next(step, None)
        if losses is None:
            return
        yield losses


def prepared(fabric: Fabric, method: Method, saved: State) -> dict[str, Optimizer]:
    """Load the saved state, then wrap each player with its optimizer: a wrapped one cannot be loaded any more."""
    if saved.step:
        method.load_state_dict(saved.method)
    method.to(fabric.device)
    share(fabric, method)
    optimizers = with_optimizers(fabric, method)
    if saved.step:
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(saved.optimizers[name])
    return optimizers


def with_optimizers(fabric: Fabric, method: Method) -> dict[str, Any]:
    """Wrap each player of the method with its optimizer, in place -> all optimizers by name."""
    optimizers: dict[str, Any] = {}
    for name in method.players:
        player = getattr(method, name)
        wrapped, optimizers[name] = fabric.setup(player, getattr(method.config, name).build(player))
        setattr(method, name, wrapped)
    for name, of in method.further_optimizers.items():
        optimizers[name] = fabric.setup_optimizers(getattr(method.config, name).build(getattr(method, of)))
    return optimizers


def in_channels_last(method: Method) -> Method:
    """The same method with the weights of its convolutions in channels-last format; its memory stays as it is."""
    for parameter in method.parameters():
        if parameter.dim() == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
    return method


def on(fabric: Fabric, batch: Batch, method: Method) -> Batch:
    """The batch on the network's device and in its memory format."""
    batch = batch.to(fabric.device)
    if not any(p.dim() == 5 and p.is_contiguous(memory_format=torch.channels_last_3d) and not p.is_contiguous()
               for p in method.network.parameters()):  # fmt: skip
        return batch
    image = batch.image.contiguous(memory_format=torch.channels_last_3d)
    return replace(batch, image=image)


def clipped(fabric: Fabric, player: nn.Module, optimizer: Optimizer, longest: float) -> float:
    """Shorten the player's gradient to ``longest``, and return the length it had."""
    norm = fabric.clip_gradients(player, optimizer, max_norm=longest, error_if_nonfinite=False)
    return float(torch.as_tensor(norm))


def set_rate(optimizer: Optimizer, rate: float) -> float:
    """Give every parameter group this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def state_of(step: int, method: Method, optimizers: dict[str, Optimizer], skipped: int, slowed: int) -> State:
    """What a checkpoint holds."""
    states: dict[str, Any] = {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
    return State(step, method.state_dict(), states, skipped, slowed)
