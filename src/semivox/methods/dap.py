"""DAP: a loss focused on voxels where an atlas of the labeled scans is undecided, and a discriminator of voxels.

Zheng et al., "Semi-supervised Segmentation of Liver Using Adversarial Learning with Deep Atlas Prior", MICCAI 2019,
doi:10.1007/978-3-030-32226-7_17, on the framework of Hung et al., BMVC 2018, arXiv:1802.07934. The authors published
no code. Defaults: Hung et al. for the adversarial part, ours for the atlas; each field says whose.

The atlas is the mean of the labeled scans' masks. Its weight at a voxel times the focal loss is the supervised
("Bayesian") loss. A discriminator tells voxel by voxel drawn masks from predictions; the network learns to pass for
drawn, and on unlabeled patches takes its own classes for true where the discriminator lets them pass.

Departures: 3D patches and K classes, where the paper has slices and the liver; the paper says that its focal factor
uses the probabilities of the epoch before, here it is the current pass (``likelihood``); scans are laid on one another
without registration (``alignment``: ``registered`` takes scans that were registered beforehand); half a Dice loss
beside the Bayesian one (``segmentation``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.case import IGNORE
from semivox.core.progress import Progress
from semivox.functional.atlas import Alignment
from semivox.functional.classes import most_probable
from semivox.functional.losses import class_emphasis, focal, masked_cross_entropy, soft_dice
from semivox.functional.partial_labels import known, merged_probabilities
from semivox.methods.bases import AdversaryConfig
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.atlas import Atlas
from semivox.networks.blueprint import Blueprint
from semivox.networks.discriminator import VoxelDiscriminator, width_for
from semivox.networks.freezing import fixed
from semivox.networks.teacher import Teacher


class DAPConfig(MethodConfig):
    """Numbers of DAP."""

    discriminator: AdversaryConfig = AdversaryConfig()
    """How the discriminator is optimized."""
    adversarial_labeled: float = Field(0.01, ge=0)
    """Weight of passing for drawn on labeled patches. Hung et al."""
    adversarial_unlabeled: float = Field(0.001, ge=0)
    """The same on unlabeled patches. Hung et al."""
    self_training: float = Field(0.1, ge=0)
    """Weight of the network's own classes on unlabeled patches. Hung et al."""
    start: float = Field(0.25, ge=0, le=1)
    """Share of the run after which self-training begins. Hung et al.: 5000 of 20000 steps."""
    confidence: float = Field(0.2, ge=0, le=1)
    """Least probability of being drawn, says the discriminator, of a voxel in self-training. Hung et al."""
    self_training_loss: Literal["plain", "bayesian"] = "plain"
    """Cross-entropy (Hung et al.), or the Bayesian loss."""
    gamma: float = Field(2.0, ge=0)
    """Exponent of the focal factor; the usual value."""
    likelihood: Literal["current", "detached", "previous"] = "current"
    """Where the focal factor's probability comes from: the current pass, learned through (our default); the same, held
    as a number; or the network as the epoch before has left it (the paper)."""
    epoch: int = Field(100, ge=1)
    """``previous``: steps of an epoch; ours."""
    weighting: Literal["gaussian", "contradiction", "none"] = "gaussian"
    """From the atlas's probability q of the drawn class to a weight: largest at 0.5 (our default, the paper's map could
    not be read), (1 - q)^power, or 1."""
    sigma: float = Field(0.25, gt=0)
    """Of the Gaussian about 0.5; our default."""
    divide_by: Literal["weights", "voxels"] = "weights"
    """What the weighed sum is divided by: the sum of the weights (our default), or the number of voxels, which makes
    the loss as small as the atlas is sure, against an adversarial part that stays as it is."""
    floor: float = Field(0.0, ge=0, le=1)
    """Least weight of a voxel; our default."""
    power: float = Field(1.0, gt=0)
    """Of ``contradiction``; our default."""
    alignment: Alignment = "center"
    """How scans are laid on one another: ``center``, middle on middle, or ``resize``, stretched to one size; our
    default. ``registered``: voxel on voxel, for scans that were registered onto one grid before; others are refused."""
    atlas_of: Literal["all", "others"] = "all"
    """Labeled scans behind the atlas of a labeled patch: all (our default), or all but its own."""
    segmentation: Literal["bayesian_dice", "bayesian"] = "bayesian_dice"
    """The supervised loss: the Bayesian one and half a Dice loss, as for every method here (our default), or the
    Bayesian one alone (the paper)."""
    width: int | None = Field(None, ge=1)
    """Channels of the discriminator's first layer; None: four times the network's, 64 at most."""


class DAP(Method):
    """Segmentation weighed by an atlas, and judged voxel by voxel."""

    Config = DAPConfig
    config: DAPConfig
    players = ("network", "discriminator")
    ablations = {
        "no atlas": {"weighting": "none"},
        "contradiction": {"weighting": "contradiction"},
        "no discriminator": {"adversarial_labeled": 0.0, "adversarial_unlabeled": 0.0, "self_training": 0.0},
        "no self-training": {"self_training": 0.0},
        "atlas in self-training": {"self_training_loss": "bayesian"},
        "paper's loss": {"segmentation": "bayesian"},
        "likelihood of the epoch before": {"likelihood": "previous", "epoch": 1},
    }

    def __init__(self, config: DAPConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()
        self.discriminator = VoxelDiscriminator(blueprint.classes, config.width or width_for(blueprint.architecture))
        self.previous = Teacher(self.network, "copy") if config.likelihood == "previous" else None
        self.atlas = Atlas(blueprint.classes, config.alignment)

    def fit_labels(self, labels: Iterable[np.ndarray]) -> None:
        """Build the atlas."""
        self.atlas.learn(labels)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """The network's turn, then the discriminator's, on the same predictions."""
        c = self.config
        logits = self.network(batch.image).logits  # (B, K, X, Y, Z)
        (logits_l, logits_u), inside = batch.split(logits), logits.float().softmax(1)
        told = batch.label != IGNORE
        weight = self._weight(batch, slice(len(batch.label)), batch.label)
        emphasis = class_emphasis(batch.label, self.blueprint.classes, self.balance(progress))
        before_l, before_u = batch.split(self.previous(batch.image).logits) if self.previous else (None, None)
        terms = {"supervised": self._bayesian(logits_l, batch.label, weight * emphasis, told, before_l)}
        if c.segmentation == "bayesian_dice":
            terms["supervised"] = terms["supervised"] + 0.5 * soft_dice(logits_l, batch.label)
        contested = bool(c.adversarial_labeled or c.adversarial_unlabeled or c.self_training)
        if contested:
            with fixed(self.discriminator):
                verdict_l, verdict_u = batch.split(self.discriminator(inside))  # (L | U, X, Y, Z)
            terms["adversarial_labeled"] = F.softplus(-verdict_l).mean()
            terms["adversarial_unlabeled"] = F.softplus(-verdict_u).mean()
            if progress.step >= c.start * progress.steps:
                terms["self_training"] = self._self_training(logits_u, verdict_u.detach(), batch, before_u)

        yield Losses(
            terms,
            {name: getattr(c, name) for name in terms if name != "supervised"},
            log={"atlas_weight": (weight * told).sum() / told.sum().clamp_min(1)},
        )

        if self.previous is not None and (progress.step + 1) % c.epoch == 0:
            self.previous.follow(self.network, decay=0.0)
        if contested:
            yield self._judge(inside.detach(), batch.label)

    def _weight(self, batch: Batch, part: slice, label: Tensor) -> Tensor:
        """(P, X, Y, Z): how much the atlas lets each voxel of a part of the patches count; ``label``: its class."""
        c = self.config
        if c.weighting == "none":
            return torch.ones_like(label, dtype=torch.float32)
        prior = self.atlas(batch.patch_to_scan[part], batch.extent[part], tuple(label.shape[1:]))  # (P, K, X, Y, Z)
        prior, one = merged_probabilities(prior, label)
        expected = prior.gather(1, torch.where(one != IGNORE, one, 0).unsqueeze(1)).squeeze(1)
        if c.atlas_of == "others" and label is batch.label:
            others = (self.atlas.scans - 1).clamp_min(0)
            expected = ((expected * (others + 1) - 1) / others.clamp_min(1)).clamp(0, 1)  # its own scan counted once
        if c.weighting == "contradiction":
            weight = (1 - expected).clamp_min(0) ** c.power
        else:
            weight = torch.exp(-0.5 * ((expected - 0.5) / c.sigma).square())
        return weight.clamp_min(c.floor)

    def _bayesian(
        self, logits: Tensor, label: Tensor, weight: Tensor, counted: Tensor, before: Tensor | None
    ) -> Tensor:
        """Focal loss weighed by the atlas, over the voxels of ``counted`` (B, X, Y, Z); 0 if there is none. ``before``:
        what the network said of the same patches an epoch ago, of which the focal factor then is."""
        factor, cross_entropy = focal(logits, label, self.config.gamma)
        factor = factor if before is None else focal(before, label, self.config.gamma)[0]
        if self.config.likelihood == "detached":
            factor = factor.detach()
        weight = weight * counted
        total = (counted if self.config.divide_by == "voxels" else weight).sum()
        return (weight * factor * cross_entropy).sum() / total.clamp_min(1e-6)

    def _self_training(self, logits: Tensor, verdict: Tensor, batch: Batch, before: Tensor | None) -> Tensor:
        """Loss to the network's own classes (U, X, Y, Z) over the voxels that pass for drawn; 0 if none does."""
        classes, passed = most_probable(logits), verdict.sigmoid() >= self.config.confidence
        if self.config.self_training_loss == "plain":
            return masked_cross_entropy(logits, classes, passed)
        part = slice(len(batch.label), None)
        return self._bayesian(logits, classes, self._weight(batch, part, classes), passed, before)

    def _judge(self, inside: Tensor, label: Tensor) -> Losses:
        """The discriminator's loss: predictions (B, K, X, Y, Z) of all patches against drawn ones, half and half."""
        counted = known(label)
        shown = torch.stack([label == index for index in range(inside.shape[1])], 1).float()  # (L, K, X, Y, Z)
        # what the label leaves to several classes looks as predicted, not as nothing, by which it would be told
        shown = torch.where((label < 0).unsqueeze(1), inside[: len(label)], shown)
        predicted, drawn = self.discriminator(torch.cat([inside, shown])).split([len(inside), len(shown)])
        voxels = counted.sum().clamp_min(1)
        loss = 0.5 * F.softplus(predicted).mean() + 0.5 * (F.softplus(-drawn) * counted).sum() / voxels
        right = 0.5 * (predicted < 0).float().mean() + 0.5 * ((drawn > 0) & counted).sum() / voxels
        return Losses({"discrimination": loss}, player="discriminator", log={"discriminator_accuracy": right})
