"""What tests of every method know of each one, and what a step leaves behind.

Each method's fields need an alternative value and each of its terms a weight in tests/contract/fields/<method>.py: a
field or a term that is missing there fails.
"""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import Any

import torch

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods import METHODS, find
from semivox.methods.method import Losses, Method
from semivox.networks.teacher import Teacher
from tests.contract.examples import (
    balls,
    batch,
    blueprint,
    build,
    train,
)
from tests.contract.fields import COMMON, Alternative

NAMES = sorted(METHODS)

SHARP = 8.0
"""Sharpness at which a fresh network is sure of some voxels and unsure of others."""
SHARP_UNET = 20.0
"""Sharpness at which a fresh U-Net is unsure of a voxel in a thousand."""

KNOWN = {name: import_module(f"tests.contract.fields.{name}") for name in NAMES}
WEIGHTS: dict[str, dict[str, tuple[str, ...]]] = {name: known.WEIGHTS for name, known in KNOWN.items()}
ALTERNATIVES: dict[str, dict[str, Alternative]] = {name: COMMON | known.ALTERNATIVES for name, known in KNOWN.items()}
CONSTANT: dict[str, set[str]] = {name: getattr(known, "CONSTANT", set()) for name, known in KNOWN.items()}
FROM_LABELS: dict[str, set[str]] = {name: getattr(known, "FROM_LABELS", set()) for name, known in KNOWN.items()}
REMEMBERS: dict[str, bool] = {name: getattr(known, "REMEMBERS", False) for name, known in KNOWN.items()}
TURNS: dict[str, int] = {name: getattr(known, "TURNS", 1) for name, known in KNOWN.items()}
NETWORK: dict[str, dict[str, Any]] = {name: getattr(known, "NETWORK", {}) for name, known in KNOWN.items()}
START: dict[str, dict[str, float]] = {name: getattr(known, "START", {}) for name, known in KNOWN.items()}
UNVARIED: dict[str, dict[str, Any]] = {name: getattr(known, "UNVARIED", {}) for name, known in KNOWN.items()}
ABSENT: dict[str, set[str]] = {name: getattr(known, "ABSENT", set()) for name, known in KNOWN.items()}


def fields(name: str) -> list[str]:
    """Fields of the method's own; those of optimizers are tested apart."""
    kind = find(name)
    return [field for field in kind.Config.model_fields if field not in kind.players]


def trace(
    name: str, options: dict[str, Any], network: str = "vnet", sharpness: float = SHARP, shown: int = 3
) -> dict[str, torch.Tensor]:
    """All that two steps leave behind: terms, weights, the state, and a prediction. Patches show ``shown`` of three
    classes."""
    method = build(name, blueprint(network, classes=3, **NETWORK[name]), options, sharpness)
    labels = [balls((8, 8, 12), shown, seed) for seed in range(4)]
    given = batch(type(method), 2, 2, (8, 8, 12), classes=3, labels=labels)
    seen = train(method, given, range(3, 5), 8)
    found = {f"loss {i} {n}": term.detach() for i, losses in enumerate(seen) for n, term in losses.terms.items()}
    found |= {f"total {i}": losses.total.detach() for i, losses in enumerate(seen)}
    found |= dict(method.state_dict())
    with torch.no_grad():
        found["prediction"] = method.eval().predict(given.image.flip(0))
    return found


DEFAULTS: dict[str, dict[str, torch.Tensor]] = {}


def default_trace(name: str, context: dict[str, Any], shown: int = 3) -> dict[str, torch.Tensor]:
    """The trace without the alternative; computed once for the defaults."""
    if context or shown != 3:
        return trace(name, context, shown=shown)
    if name not in DEFAULTS:
        DEFAULTS[name] = trace(name, {})
    return DEFAULTS[name]


def differ(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() != other.keys() or any(not torch.equal(one[key], other[key]) for key in one)


def same_tensor(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Bit by bit; no gradient equals no gradient."""
    return other is None if one is None else other is not None and torch.equal(one, other)


def teachers(method: Method) -> list[Teacher]:
    return [module for module in method.modules() if isinstance(module, Teacher)]


def turn(method: Method, given: Batch, step: int = 4, steps: int = 8, seed: int = 0) -> Losses:
    """The losses of the step's first turn, or together those of its first ``TURNS``; nothing is minimized."""
    seed_step(seed, step, 0)
    number = next(TURNS[name] for name in NAMES if find(name) is type(method))
    told = list(itertools.islice(method.step(given, Progress(step, steps)), number))
    terms = {name: term for losses in told for name, term in losses.terms.items()}
    return Losses(terms, {name: weight for losses in told for name, weight in losses.weights.items()})
