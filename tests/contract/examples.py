"""Our methods on the tiny networks and patches of ``semivox.testing``, and networks that answer what a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint
from tests.contract.known import SUBJECTS


def configured(name: str, options: Mapping[str, Any] | None = None) -> MethodConfig:
    """The configuration with which a method is tested: its defaults, the papers' loss, its ``TESTED`` options, then
    these."""
    return SUBJECTS[name].config(options)


def build(name: str, plan: Blueprint, options: Mapping[str, Any] | None = None, sharpness: float = 0.0) -> Method:
    """A method with weights drawn from a fixed seed, in training mode; see ``Subject.built``."""
    return SUBJECTS[name].built(plan, options, sharpness)


def turn(method: Method, given: Batch, step: int = 4, steps: int = 8, seed: int = 0) -> Losses:
    """The first losses of one step, whose random numbers depend on seed and step alone."""
    seed_step(seed, step, 0)
    return next(iter(method.step(given, Progress(step, steps))))


def logit(probability: Sequence[float]) -> Tensor:
    """Foreground probabilities of V voxels -> two-class logits (1, 2, 1, 1, V) that give them."""
    p = torch.tensor(probability, dtype=torch.float64)
    return torch.stack([(1 - p).log(), p.log()]).reshape(1, 2, 1, 1, -1).float()


class Scripted(nn.Module):
    """A network, or a teacher, that answers each call with the next of the given outputs."""

    def __init__(self, *answers: Output | Tensor) -> None:
        super().__init__()
        self.answers = [a if isinstance(a, Output) else Output(a, a, (), (), {}) for a in answers]
        self.calls: list[Tensor] = []

    def forward(self, image: Tensor) -> Output:
        self.calls.append(image)
        return self.answers[len(self.calls) - 1]

    def follow(self, student: nn.Module, decay: float) -> None:
        """A teacher that stays where it is."""
