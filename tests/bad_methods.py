"""A method as it should be, and methods that each break one law (source of the idea: consistency, arXiv:1610.02242)."""

from __future__ import annotations

import itertools
import random

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.teacher import Teacher


class GoodConfig(MethodConfig):
    """Numbers of the method."""

    consistency: float = Field(0.5, ge=0)
    """Weight of the unlabeled term."""


class Good(Method):
    """Predictions of an unlabeled patch and of a noisy copy of it should agree."""

    Config = GoodConfig

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()

    def step(self, batch, progress):
        logits_l, logits_u = batch.split(self.network(batch.image).logits)
        noisy = batch.image + 0.1 * torch.randn_like(batch.image)
        _, other = batch.split(self.network(noisy).logits)
        terms = {
            "supervised": functional.cross_entropy(logits_l, batch.label),
            "consistency": (logits_u.softmax(1) - other.softmax(1)).square().mean(),
        }
        yield Losses(terms, {"consistency": self.config.consistency})

    def predict(self, image):
        return self.network(image).logits.float().softmax(1)


class TrainedTeacher(Good):
    """Its teacher requires gradients."""

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.teacher = Teacher(self.network)
        for parameter in self.teacher.parameters():
            parameter.requires_grad_(True)


class IdleParameter(Good):
    """It has a parameter that no player holds."""

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.forgotten = nn.Parameter(torch.zeros(3))


class Infinite(Good):
    """Its loss is not a number."""

    def step(self, batch, progress):
        for losses in super().step(batch, progress):
            yield Losses({name: term * float("nan") for name, term in losses.terms.items()}, losses.weights)


class Still(Good):
    """Its gradient is zero."""

    def step(self, batch, progress):
        for losses in super().step(batch, progress):
            yield Losses({name: term * 0 for name, term in losses.terms.items()}, losses.weights)


class Unseeded(Good):
    """It draws from a generator that no seed reaches."""

    source = random.Random()

    def step(self, batch, progress):
        for losses in super().step(batch, progress):
            yield Losses({name: term * self.source.random() for name, term in losses.terms.items()}, losses.weights)


class Forgetful(Good):
    """It counts steps in an attribute that no checkpoint holds."""

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.counted = itertools.count(1)

    def step(self, batch, progress):
        share = 1 / next(self.counted)
        for losses in super().step(batch, progress):
            yield Losses({name: term * share for name, term in losses.terms.items()}, losses.weights)


class NotNormalized(Good):
    """Its predictions are sigmoids."""

    def predict(self, image):
        return self.network(image).logits.sigmoid()


class BatchNeighbors(Good):
    """Its predictions look at the whole batch."""

    def predict(self, image):
        return (self.network(image).logits + image.mean()).softmax(1) * 0.5 + super().predict(image.flip(0)) * 0.5


class IdleConfig(GoodConfig):
    """With a field that nothing reads."""

    idle: float = 1.0


class FieldWithoutEffect(Good):
    """One of its fields changes nothing."""

    Config = IdleConfig
