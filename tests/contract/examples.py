"""Tiny networks, batches and a training loop for tests: small enough for milliseconds, odd enough to find mix-ups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.geometry import Shape, Spacing
from semivox.core.mappings import merged
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods import find
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint, architecture
from semivox.networks.segmenter import Heads
from tests.contract.fields import PLAIN

ODD: Shape = (8, 16, 24)
"""A patch with three different edges."""
SPACING: Spacing = (2.0, 1.0, 0.8)
"""Anisotropic, in mm."""
STRIDES = ((1, 2, 2), (2, 2, 2))
"""Anisotropic strides that fit ODD."""


def blueprint(name: str = "vnet", channels: int = 1, classes: int = 2, **options: Any) -> Blueprint:
    """A network of a few hundred parameters."""
    strides = options.get("strides", ((2, 2, 2),))
    tiny: dict[str, Any] = {"width": 3, "strides": strides}
    if name == "vnet":
        tiny["convolutions"] = (1,) * (len(strides) + 1)
    return Blueprint(architecture(name, tiny | options), channels, classes)


def odd_blueprint(name: str = "vnet", **options: Any) -> Blueprint:
    """Two channels, three classes, anisotropic strides."""
    return blueprint(name, channels=2, classes=3, strides=STRIDES, **options)


def balls(shape: Shape, classes: int, seed: int = 0) -> np.ndarray:
    """(X, Y, Z) uint8: background, and one ball per further class, side by side along the last axis."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    label = np.zeros(shape, np.uint8)
    room = shape[2] / (classes - 1)
    radius = min(shape[0], shape[1], room) / 2.8
    for index in range(1, classes):
        center = np.array([shape[0] / 2, shape[1] / 2, room * (index - 0.5)]) + rng.uniform(-1, 1, 3)
        label[np.linalg.norm(grid - center, axis=-1) <= radius] = index
    return label


def batch(
    method: type[Method],
    labeled: int = 2,
    unlabeled: int = 2,
    shape: Shape = (8, 8, 8),
    channels: int = 1,
    classes: int = 2,
    seed: int = 0,
    labels: Sequence[np.ndarray] | None = None,
) -> Batch:
    """Balls under noise, and whatever the method asks to derive from the labels."""
    total = labeled + unlabeled
    drawn = [balls(shape, classes, seed * 100 + i) for i in range(total)] if labels is None else list(labels)
    noise = np.random.default_rng(seed).normal(0, 0.3, (total, channels, *shape))
    sign = np.array([1.0, -1.0, 0.5])[:channels].reshape(1, channels, 1, 1, 1)
    image = np.stack(drawn)[:, None] * sign + noise
    derived = {
        name: torch.stack([torch.from_numpy(np.asarray(f(part, SPACING, classes))) for part in drawn[:labeled]])
        for name, f in method.targets.items()
    }
    label = torch.from_numpy(np.stack(drawn[:labeled]).astype(np.int64))
    return Batch(torch.from_numpy(image).float(), label, tuple(f"case{i}" for i in range(total)), derived)


def odd_batch(method: type[Method], labeled: int = 2, unlabeled: int = 2, seed: int = 0) -> Batch:
    """Fits ``odd_blueprint``."""
    return batch(method, labeled, unlabeled, ODD, channels=2, classes=3, seed=seed)


def configured(name: str, options: Mapping[str, Any] | None = None) -> MethodConfig:
    """The configuration with which a method is tested: its defaults, the papers' loss, its ``TESTED`` options, then
    these."""
    tested = getattr(import_module(f"tests.contract.fields.{name}"), "TESTED", {})
    return find(name).Config.model_validate(merged(PLAIN | tested, options or {}))


def build(name: str, plan: Blueprint, options: dict[str, Any] | None = None, sharpness: float = 0.0) -> Method:
    """A method with weights drawn from a fixed seed, in training mode.

    ``sharpness`` multiplies the weights of the heads, so that a fresh network is sure of some voxels and not of others.
    """
    kind = find(name)
    torch.manual_seed(0)
    method = kind(configured(name, options), plan)
    method.fit_labels(balls(ODD, plan.classes, seed) for seed in range(3))
    if sharpness:
        with torch.no_grad():
            for heads in (module for module in method.modules() if isinstance(module, Heads)):
                heads.heads["logits"].weight.mul_(sharpness)
    return method.train()


def turn(method: Method, given: Batch, step: int = 4, steps: int = 8, seed: int = 0) -> Losses:
    """The first losses of one step, whose random numbers depend on seed and step alone."""
    seed_step(seed, step, 0)
    return next(iter(method.step(given, Progress(step, steps))))


def gradients(module: nn.Module, loss: Tensor) -> dict[str, Tensor | None]:
    """Gradient of a loss to each parameter of a module, None where there is none; leaves nothing behind."""
    named = dict(module.named_parameters())
    trained = {name: p for name, p in named.items() if p.requires_grad}
    found = torch.autograd.grad(loss, list(trained.values()), retain_graph=True, allow_unused=True)
    return dict.fromkeys(named) | dict(zip(trained, found, strict=True))


def train(method: Method, given: Batch | Sequence[Batch], steps: Iterable[int], total: int) -> list[Losses]:
    """Train as the loop does: optimizers of the players, each loss minimized as it comes. Returns all losses."""
    batches = [given] if isinstance(given, Batch) else given
    owners = {name: name for name in method.players} | dict(method.further_optimizers)
    optimizers = {name: getattr(method.config, name).build(getattr(method, of)) for name, of in owners.items()}
    seen = []
    for step in steps:
        progress = Progress(step, total)
        seed_step(0, step, 0)
        for losses in method.step(batches[step % len(batches)], progress):
            optimizer = optimizers[losses.moved_by]
            for group in optimizer.param_groups:
                group["lr"] = getattr(method.config, losses.moved_by).rate_at(progress)
            optimizer.zero_grad()
            losses.total.backward()
            optimizer.step()
            seen.append(losses)
    return seen


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
