"""Networks with several decoders that answer what a test wants."""

from __future__ import annotations

import torch
from torch import nn

from semivox.core.batch import Batch
from semivox.methods.method import Method
from semivox.networks.architecture import Output
from semivox.testing.patches import blueprint
from tests.contract.examples import build, logit


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


class Answers(nn.Module):
    """Several decoders that answer with these foreground probabilities, on one labeled and one unlabeled patch."""

    def __init__(self, *probabilities: list[float]) -> None:
        super().__init__()
        self.logits = [torch.cat([logit(p)] * 2).requires_grad_() for p in probabilities]

    def forward(self, image: torch.Tensor) -> tuple[Output, ...]:
        return tuple(Output(z, z, (), (), {}) for z in self.logits)


def answering(
    *probabilities: list[float], name: str = "mc_net", label: list[int] | None = None, **options
) -> tuple[Method, Batch]:
    """A method with that network, and a batch of that many voxels."""
    voxels = len(probabilities[0])
    method = build(name, blueprint(), {"segmentation": "dice"} | options)
    method.network = Answers(*probabilities)
    known = torch.tensor(label or [0] * voxels).reshape(1, 1, 1, voxels)
    return method, Batch(torch.zeros(2, 1, 1, 1, voxels), known, ("l", "u"))
