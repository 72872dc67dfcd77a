"""Steps of a method as the training loop does them, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses, Method
from semivox.networks.teacher import Teacher

State = Mapping[str, Tensor]


def train(method: Method, given: Batch | Sequence[Batch], steps: Iterable[int], total: int) -> list[Losses]:
    """Train as the loop does: optimizers of the players, each loss minimized as it comes. Returns all losses."""
    return list(trained(method, given, steps, total))


def trained(method: Method, given: Batch | Sequence[Batch], steps: Iterable[int], total: int) -> Iterator[Losses]:
    """The losses of ``train`` one by one, each before it is minimized: whoever has seen enough may stop there."""
    batches = [given] if isinstance(given, Batch) else given
    owners = {name: name for name in method.players} | dict(method.further_optimizers)
    optimizers = {name: getattr(method.config, name).build(getattr(method, of)) for name, of in owners.items()}
    for step in steps:
        progress = Progress(step, total)
        seed_step(0, step, 0)
        for losses in method.step(batches[step % len(batches)], progress):
            yield losses
            optimizer = optimizers[losses.moved_by]
            for group in optimizer.param_groups:
                group["lr"] = getattr(method.config, losses.moved_by).rate_at(progress)
            optimizer.zero_grad()
            losses.total.backward()
            optimizer.step()


def gradients(module: nn.Module, loss: Tensor) -> dict[str, Tensor | None]:
    """Gradient of a loss to each parameter of a module, None where there is none; leaves nothing behind."""
    named = dict(module.named_parameters())
    trained = {name: p for name, p in named.items() if p.requires_grad}
    found = torch.autograd.grad(loss, list(trained.values()), retain_graph=True, allow_unused=True)
    return dict.fromkeys(named) | dict(zip(trained, found, strict=True))


def teachers(method: Method) -> list[Teacher]:
    """Every moving average in the method."""
    return [module for module in method.modules() if isinstance(module, Teacher)]


def copied(state: State) -> dict[str, Tensor]:
    """Tensors that no step changes."""
    return {name: value.detach().clone() for name, value in state.items()}


def differ(one: State, other: State) -> bool:
    """Bit by bit."""
    return one.keys() != other.keys() or any(not torch.equal(one[key], other[key]) for key in one)


def differs_from(parts: Iterable[State], whole: State) -> bool:
    """Whether a state that comes in parts is another than a whole one; ends at the first part that tells."""
    seen: set[str] = set()
    for part in parts:
        if not part.keys() <= whole.keys() or differ(part, {key: whole[key] for key in part}):
            return True
        seen |= part.keys()
    return seen != whole.keys()


def same_tensor(one: Tensor | None, other: Tensor | None) -> bool:
    """Bit by bit; no gradient equals no gradient."""
    return other is None if one is None else other is not None and torch.equal(one, other)
