"""A network's moving average: it is never trained, it follows.

Tarvainen & Valpola, "Mean teachers are better role models", NeurIPS 2017, arXiv:1703.01780.
"""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn

from semivox.networks.architecture import Output

Buffers = Literal["own", "copy", "ema"]
Averaging = Literal["rising", "constant"]


class Teacher(nn.Module):
    """A copy of ``network`` that follows it; forward gives what the network would, without gradient."""

    updates: Tensor

    def __init__(self, network: nn.Module, buffers: Buffers = "own", averaging: Averaging = "rising") -> None:
        """``buffers``: running statistics are the teacher's ``own`` (the reference codes), a ``copy``, an ``ema``.

        ``averaging``: how much of itself it keeps rises to the decay, or is that from the first update on.
        """
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.buffers_from = buffers
        self.averaging = averaging
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, image: Tensor) -> Output:
        """(B, C, X, Y, Z) -> Output, detached."""
        return self.network(image)

    @torch.no_grad()
    def follow(self, student: nn.Module, decay: float) -> None:
        """Move towards the student: ``theta' += (1 - alpha) (theta - theta')``, alpha = min(1 - 1/(t+1), decay).

        t counts the updates from 0 and is kept in a buffer, so that a resumed run continues where it was; at t = 0 the
        teacher becomes the student, and until alpha reaches ``decay`` it is the plain mean of all students so far.
        With ``constant`` averaging alpha is ``decay`` throughout.
        """
        step = int(self.updates)
        alpha = decay if self.averaging == "constant" else min(1 - 1 / (step + 1), decay)
        mine = [p.detach() for p in self.network.parameters()]
        theirs = [p.detach() for p in student.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - alpha)
        for buffer, source in zip(self.network.buffers(), student.buffers(), strict=True):
            if self.buffers_from == "copy" or (self.buffers_from == "ema" and not buffer.is_floating_point()):
                buffer.copy_(source)
            elif self.buffers_from == "ema":
                buffer.lerp_(source, 1 - alpha)
        self.updates += 1
