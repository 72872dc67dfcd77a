"""The method that is held to the laws, and what the laws must be told of it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.mappings import merged
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.segmenter import Heads
from semivox.testing.patches import ODD, balls, batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import trained

Options = Mapping[str, Any]
Alternative = tuple[Any, Options]

SHARP = 8.0
"""Sharpness at which a fresh network is sure of some voxels and unsure of others."""
SHARP_UNET = 20.0
"""Sharpness at which a fresh U-Net is unsure of a voxel in a thousand."""


@dataclass(frozen=True)
class Known:
    """What the laws cannot see for themselves; nothing of it needs to be told where the guess fits."""

    weights: Mapping[str, Collection[str]] | None = None
    """Field that is a weight -> the terms it weighs. The guess: each term's weight is the field of its name."""
    alternatives: Mapping[str, Alternative] = field(default_factory=dict)
    """Field -> another value, and what else must be set for it to matter. The guess: values of the same type."""
    from_labels: Collection[str] = ()
    """Terms beside ``supervised`` that are computed on labeled patches alone."""
    absent: Collection[str] = ()
    """Fields that matter only where a labeled patch does not show every class."""
    start: Mapping[str, float] = field(default_factory=dict)
    """Weight -> share of the run before which it is off."""
    remembers: bool = False
    """Whether buffers change before the first loss."""
    turns: int = 1
    """How often the network has a turn in a step."""
    network: Options = field(default_factory=dict)
    """Options of the network in which the fields matter, where that is not one of two levels."""
    unvaried: Options = field(default_factory=dict)
    """Options with which the network sees patches as they are, not another view, through which no gradient passes."""
    learns: Options = field(default_factory=dict)
    """Options of the optimizer with which it finds two balls, where those of the law do not suit it."""


@dataclass(frozen=True)
class Subject:
    """A method, the options of its Config with which it is tested, and what is known of it."""

    kind: type[Method]
    options: Options = field(default_factory=dict)
    known: Known = Known()

    def config(self, options: Options | None = None) -> MethodConfig:
        """Its defaults, the options with which it is tested, then these."""
        return self.kind.Config.model_validate(merged(self.options, options or {}))

    def fields(self) -> list[str]:
        """Fields of its Config; those of optimizers are tested apart."""
        return [name for name in self.kind.Config.model_fields if name not in self.kind.players]

    def built(self, plan: Blueprint, options: Options | None = None, sharpness: float = 0.0) -> Method:
        """The method with weights drawn from a fixed seed, in training mode.

        ``sharpness`` multiplies the weights of the heads, so that a fresh network is sure of some voxels and not of
        others.
        """
        torch.manual_seed(0)
        method = self.kind(self.config(options), plan)
        method.fit_labels(balls(ODD, plan.classes, seed) for seed in range(3))
        if sharpness:
            with torch.no_grad():
                for heads in (module for module in method.modules() if isinstance(module, Heads)):
                    heads.get_parameter("heads.logits.weight").mul_(sharpness)
        return method.train()

    def odd(self, options: Options | None = None) -> Method:
        """On two channels and three classes, with anisotropic strides, sure of some voxels."""
        return self.built(odd_blueprint(), options, SHARP)

    def turn(self, method: Method, given: Batch, step: int = 4, steps: int = 8, seed: int = 0) -> Losses:
        """The losses of the step's first turn, or together those of its first turns; nothing is minimized."""
        seed_step(seed, step, 0)
        told = list(itertools.islice(method.step(given, Progress(step, steps)), self.known.turns))
        terms = {name: term for losses in told for name, term in losses.terms.items()}
        return Losses(terms, {name: weight for losses in told for name, weight in losses.weights.items()})

    def weights(self) -> Mapping[str, Collection[str]]:
        """Field that is a weight -> the terms it weighs."""
        if self.known.weights is not None:
            return self.known.weights
        terms = self.turn(self.odd(), odd_batch(self.kind)).terms
        return {name: (name,) for name in terms if name in self.fields()}

    def trace(
        self, options: Options, network: str = "vnet", sharpness: float = SHARP, shown: int = 3
    ) -> dict[str, Tensor]:
        """All that two steps leave behind: terms, totals, the state, and a prediction. Patches show ``shown`` of three
        classes."""
        parts = self.traced(options, network, sharpness, shown)
        return {name: value for part in parts for name, value in part.items()}

    def traced(
        self, options: Options, network: str = "vnet", sharpness: float = SHARP, shown: int = 3
    ) -> Iterator[dict[str, Tensor]]:
        """``trace`` in parts, as they come."""
        method = self.built(blueprint(network, classes=3, **self.known.network), options, sharpness)
        labels = [balls((8, 8, 12), shown, seed) for seed in range(4)]
        given = batch(self.kind, 2, 2, (8, 8, 12), classes=3, labels=labels)
        for i, losses in enumerate(trained(method, given, range(3, 5), 8)):
            yield {f"loss {i} {n}": term.detach() for n, term in losses.terms.items()}
            yield {f"total {i}": losses.total.detach()}
        yield dict(method.state_dict())
        with torch.no_grad():
            yield {"prediction": method.eval().predict(given.image.flip(0))}
