"""A method as it should be, and methods that each break one law (source of the idea: consistency, arXiv:1610.02242)."""

from __future__ import annotations

import itertools
import random

import torch
from pydantic import Field
from torch import nn

from semivox.functional.losses import dice_ce
from semivox.methods.bases import TeacherConfig
from semivox.methods.method import Losses, Method, MethodConfig, OptimizerConfig
from semivox.networks.teacher import Teacher
from tests import fresh


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
            "supervised": dice_ce(logits_l, batch.label),
            "consistency": (logits_u.softmax(1) - other.softmax(1)).square().mean(),
        }
        yield Losses(terms, {"consistency": self.config.consistency})

    def predict(self, image):
        return self.network(image).logits.float().softmax(1)

    def changed(self, batch, progress, **terms):
        """Its losses, with terms changed by functions."""
        (losses,) = Good.step(self, batch, progress)
        return Losses({n: terms.get(n, lambda t: t)(t) for n, t in losses.terms.items()}, losses.weights)


class CriticConfig(GoodConfig):
    """With a second player."""

    critic: OptimizerConfig = OptimizerConfig()
    """How the critic is optimized."""


class WithCritic(Good):
    """A second player, the critic, tells labeled from unlabeled predictions in a turn of its own."""

    Config = CriticConfig
    players = ("network", "critic")

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.critic = nn.Conv3d(blueprint.classes, 1, 1)

    def step(self, batch, progress):
        yield from super().step(batch, progress)
        yield self.judged(self.seen(batch))

    def seen(self, batch):
        with torch.no_grad():
            return self.predict_quietly(batch.image)

    def predict_quietly(self, image):
        self.network.eval()
        found = self.predict(image)
        self.network.train()
        return found

    def judged(self, probabilities):
        labeled, unlabeled = self.critic(probabilities).chunk(2)
        return Losses({"consistency": (labeled - 1).square().mean() + unlabeled.square().mean()}, player="critic")


class NoOptimizer(WithCritic):
    """Its Config does not know of the critic."""

    Config = GoodConfig


class IdlePlayer(WithCritic):
    """The critic has no turn."""

    step = Good.step


class DisturbsNetwork(WithCritic):
    """The critic's turn changes the network's running statistics."""

    def predict_quietly(self, image):
        return self.predict(image)


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


class YieldsNumbers(Good):
    """It yields a number."""

    def step(self, batch, progress):
        yield self.changed(batch, progress).total


class Infinite(Good):
    """Its loss is not a number."""

    def step(self, batch, progress):
        yield self.changed(batch, progress, consistency=lambda term: term * float("nan"))


class PlainCrossEntropy(Good):
    """Its mean over known voxels is a division by zero where none is known."""

    def step(self, batch, progress):
        logits, _ = batch.split(self.network(batch.image).logits)
        plain = nn.functional.cross_entropy(logits, batch.label, ignore_index=255)
        yield self.changed(batch, progress, supervised=lambda term: plain)


class IgnoresTheRest(Good):
    """What is left to several classes counts nowhere."""

    def step(self, batch, progress):
        logits, _ = batch.split(self.network(batch.image).logits)
        blind = dice_ce(logits, batch.label.where(batch.label >= 0, 255))
        yield self.changed(batch, progress, supervised=lambda term: blind)


class WritesIntoBatch(Good):
    """It adds its noise in place."""

    def step(self, batch, progress):
        batch.image.add_(0.01)
        yield self.changed(batch, progress)


class Still(Good):
    """Its gradient is zero."""

    def step(self, batch, progress):
        yield self.changed(batch, progress, consistency=lambda term: term * 0)


class Shallow(Good):
    """A term reaches the last layer alone."""

    def step(self, batch, progress):
        last = list(self.network.parameters())[-1]
        yield self.changed(batch, progress, consistency=lambda term: last.square().sum())


class IgnoresUnlabeled(Good):
    """It does not look at unlabeled patches, and does not say so."""

    def step(self, batch, progress):
        losses = self.changed(batch, progress)
        yield Losses({"supervised": losses.terms["supervised"]})


class UsesUnlabeled(Good):
    """It says that it uses labeled patches alone."""

    uses_unlabeled = False


class Unweighed(Good):
    """No field has the name of its term."""

    def step(self, batch, progress):
        losses = self.changed(batch, progress)
        terms = {"supervised": losses.terms["supervised"], "agreement": losses.terms["consistency"]}
        yield Losses(terms, {"agreement": self.config.consistency})


class FlooredWeight(Good):
    """Its weight of zero is a hundredth."""

    def step(self, batch, progress):
        yield Losses(self.changed(batch, progress).terms, {"consistency": max(self.config.consistency, 0.01)})


class SquaredWeight(Good):
    """Its weight is the square of the field."""

    def step(self, batch, progress):
        yield Losses(self.changed(batch, progress).terms, {"consistency": self.config.consistency**2})


class LeftInEval(Good):
    """Its network is handed back in evaluation mode."""

    def step(self, batch, progress):
        losses = self.changed(batch, progress)
        self.network.eval()
        yield losses


class Unseeded(Good):
    """It draws from a generator that no seed reaches."""

    source = random.Random()

    def step(self, batch, progress):
        yield self.changed(batch, progress, consistency=lambda term: term * self.source.random())


class CountsBegun(Good):
    """A step that was begun and abandoned changes the next."""

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.register_buffer("begun", torch.zeros(()))

    def step(self, batch, progress):
        self.begun += 1
        share = 1 / float(self.begun)
        yield self.changed(batch, progress, consistency=lambda term: term * share)


class Forgetful(Good):
    """It counts steps in an attribute that no checkpoint holds."""

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.counted = itertools.count(1)

    def step(self, batch, progress):
        share = 1 / next(self.counted)
        yield self.changed(batch, progress, consistency=lambda term: term * share)


class FitsByChance(Good):
    """What it finds in labels is left to chance."""

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.register_buffer("place", torch.zeros(()))

    def fit_labels(self, labels):
        self.place += torch.rand(()) * sum(float(label.mean()) for label in labels)


class HastyTeacher(Good):
    """Its teacher forgets twice as fast as ``decay`` says."""

    Config = type("HastyConfig", (TeacherConfig, GoodConfig), {})

    def __init__(self, config, blueprint):
        super().__init__(config, blueprint)
        self.teacher = Teacher(self.network)

    def step(self, batch, progress):
        yield self.changed(batch, progress)
        self.teacher.follow(self.network, self.config.decay / 2)


class NotNormalized(Good):
    """Its predictions are sigmoids."""

    def predict(self, image):
        return self.network(image).logits.sigmoid()


class BatchNeighbors(Good):
    """Its predictions look at the whole batch."""

    def predict(self, image):
        return (self.network(image).logits + image.mean()).softmax(1) * 0.5 + super().predict(image.flip(0)) * 0.5


class CountsPredictions(CountsBegun):
    """Each prediction is counted in a buffer."""

    step = Good.step

    def predict(self, image):
        self.begun += 1
        return super().predict(image)


class BareConfig(GoodConfig):
    """With a field that nobody explains, nothing reads, and nothing bounds."""

    idle: float = 1.0


class FieldWithoutEffect(Good):
    """One of its fields changes nothing, and is not explained."""

    Config = BareConfig


class UnboundedConfig(MethodConfig):
    """Its weight may be below zero."""

    consistency: float = 0.5
    """Weight of the unlabeled term."""


class Unbounded(Good):
    """Its weight may be below zero."""

    Config = UnboundedConfig


class FixedRate(OptimizerConfig):
    """Whatever the user says, the rate is the same."""

    def rate_at(self, progress):
        return 0.01


class FixedRateConfig(GoodConfig):
    """With an optimizer that does not obey."""

    network: FixedRate = FixedRate()
    """How the network is optimized."""


class Disobedient(Good):
    """Its optimizer does not obey."""

    Config = FixedRateConfig


class SameAblation(Good):
    """Its ablation takes nothing away."""

    ablations = {"nothing": {}}


class YieldsInside(Good):
    """Autocast is on while the loop works."""

    def step(self, batch, progress):
        with torch.autocast("cpu", enabled=False):
            yield self.changed(batch, progress)


class ReachesInside(Good):
    """It takes a network apart."""

    def features(self, image):
        return self.network.encoder(image)


class SetsAttribute(Good):
    """It remembers its last loss in an attribute."""

    def step(self, batch, progress):
        losses = self.changed(batch, progress)
        self.last = losses.total.item()
        yield losses


class NoPaper(Good):
    """Its module names no paper."""


NoPaper.__module__ = fresh.__name__


class Contrary(Good):
    """It learns the labels of other voxels."""

    def step(self, batch, progress):
        logits, _ = batch.split(self.network(batch.image).logits)
        wrong = dice_ce(logits, batch.label.flip(3))
        yield self.changed(batch, progress, supervised=lambda term: wrong)
