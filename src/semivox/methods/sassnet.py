"""SASSNet: also predicts distances to the surface; a discriminator makes those of unlabeled patches look labeled.

Li, Zhang & He, "Shape-aware semi-supervised 3D semantic segmentation for medical images", MICCAI 2020,
arXiv:2007.10732. Defaults: the authors' code, where the paper's text differs the fields say so.

A second head regresses a signed distance map per class. A discriminator sees such maps with their image and says
whether the patch is a labeled one; on unlabeled patches the network learns to have that said of its maps. Both players
move in each step: the network against a discriminator that is held fixed and drops nothing, then the discriminator on
what the updated network, in evaluation mode, now predicts.

Departures from that code: K classes under a softmax and K - 1 distance maps, where it has one foreground under a
sigmoid (for two classes the same functions); the supervised loss of every method here, where the code's is Dice alone
(``segmentation``); any number of patches, the two sides weighing the same in the discriminator's loss; distances in mm,
which for cubic voxels changes nothing; the ramp ends with the run (``ramp``) and rises smoothly (``staircase``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.case import IGNORE
from semivox.core.geometry import Spacing
from semivox.core.progress import Progress
from semivox.functional.distance import signed_distance
from semivox.functional.losses import Segmentation, segmentation_loss, squared_difference
from semivox.functional.partial_labels import open_classes
from semivox.functional.perturb import noisy
from semivox.functional.ramps import risen
from semivox.methods.bases import AdversaryConfig
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.discriminator import PatchDiscriminator, width_for
from semivox.networks.freezing import fixed
from semivox.networks.segmenter import ClassHead
from semivox.networks.teacher import Buffers, Teacher

LABELED, UNLABELED = 1, 0  # the discriminator's two answers


def distance_or_zero(label: np.ndarray, spacing: Spacing, classes: int) -> np.ndarray:
    """(X, Y, Z) class indices -> (K - 1, X, Y, Z) signed distances; 0 for a class without surface in the patch, as in
    the authors' code."""
    maps = signed_distance(label, spacing, classes)
    maps[maps.min((1, 2, 3)) == maps.max((1, 2, 3))] = 0
    return maps


class SASSNetConfig(MethodConfig):
    """Numbers of SASSNet."""

    discriminator: AdversaryConfig = AdversaryConfig()
    """How the discriminator is optimized."""
    shape: float = Field(0.3, ge=0)
    """Weight of the distance regression on labeled patches."""
    unlabeled: Literal["discriminator", "teacher", "unused"] = "discriminator"
    """What unlabeled patches are for: to pass for labeled ones, to agree with a mean teacher (the paper's rival), or
    nothing; the network then does not see them."""
    adversarial: float = Field(0.01, ge=0)
    """Largest weight of passing for labeled: 0.01 with 16 labeled scans and 0.015 with 8 in the authors' code, 0.001 in
    the paper."""
    ramp: int | None = Field(None, ge=0)
    """Steps until the weight of the unlabeled patches is reached; None: the whole run. The authors have 6000."""
    staircase: int = Field(1, ge=1)
    """That weight rises every so many steps; 150 in the authors' code."""
    width: int | None = Field(None, ge=1)
    """Channels of the discriminator's first layer; None: four times the network's, 64 at most. The authors have 64 for
    a V-Net of 16."""
    segmentation: Segmentation = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone (the
    authors' code)."""
    head: ClassHead = "softmax"
    """Class logits: one a class under a softmax (our default), or one a foreground class beside a background of 0: for
    two classes a sigmoid, as in the authors' code. Under SGD a sigmoid's logit moves half as fast as the difference of
    a softmax's two."""
    consistency: float = Field(0.1, ge=0)
    """Largest weight of agreeing with the teacher. This and what follows is for ``teacher``: the paper gives none of
    its numbers, these are those of the mean teacher."""
    consistency_of: Literal["segmentation", "both"] = "segmentation"
    """What should agree: probabilities, or distance maps, too."""
    decay: float = Field(0.99, ge=0, lt=1)
    """How much of itself the teacher keeps at each step."""
    buffers: Buffers = "own"
    """Where the teacher's running statistics come from."""
    noise_teacher: float = Field(0.1, ge=0)
    """Standard deviation of the noise on the teacher's input, in units of the normalized image."""
    noise_clip: float | None = Field(0.2, gt=0)
    """Noise beyond this is clipped; None: it is not."""


class SASSNet(Method):
    """Segmentation and signed distances from one network, the latter judged by a second one."""

    Config = SASSNetConfig
    config: SASSNetConfig
    players = ("network", "discriminator")
    targets = {"distance": distance_or_zero}
    ablations = {
        "V-Net+SDM": {"unlabeled": "unused"},
        "V-Net+SDM+MT": {"unlabeled": "teacher"},
        "no distances": {"unlabeled": "unused", "shape": 0.0},
        "paper's weight": {"adversarial": 0.001},
        "authors' loss": {"segmentation": "dice"},
        "authors' weight, 8 labels": {"adversarial": 0.015},
        "one logit": {"head": "sigmoid"},
    }

    def __init__(self, config: SASSNetConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        maps = blueprint.classes - 1
        self.network = blueprint.segmenter({"distance": maps}, head=config.head)
        width = config.width or width_for(blueprint.architecture)
        self.discriminator = PatchDiscriminator(blueprint.channels, maps, width)
        if config.unlabeled == "teacher":
            self.teacher = Teacher(self.network, config.buffers)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """The network's turn, then the discriminator's."""
        c = self.config
        image_l, image_u = batch.split(batch.image)
        output = self.network(image_l if c.unlabeled == "unused" else batch.image)
        logits_l, logits_u = batch.split(output.logits)
        maps_l, maps_u = batch.split(output.extra["distance"].float().tanh())  # (L | U, K - 1, X, Y, Z)
        terms = {
            "supervised": segmentation_loss(logits_l, batch.label, c.segmentation, balance=self.balance(progress)),
            "shape": regression(maps_l, batch),
        }
        weights = {"shape": c.shape}
        ramp = risen(progress, c.ramp, c.staircase)
        contested = c.unlabeled == "discriminator" and c.adversarial > 0
        if contested:
            with fixed(self.discriminator):
                terms["adversarial"] = adversarial_loss(self.discriminator(maps_u, image_u), LABELED)
            weights["adversarial"] = c.adversarial * ramp
        if c.unlabeled == "teacher":
            terms["consistency"] = self._disagreement(logits_u, maps_u, image_u)
            weights["consistency"] = c.consistency * ramp

        yield Losses(terms, weights)

        if c.unlabeled == "teacher":
            self.teacher.follow(self.network, c.decay)
        if contested:
            yield self._judge(batch)

    def _judge(self, batch: Batch) -> Losses:
        """The discriminator's loss on what the network predicts by now: the mean of both sides' cross-entropies."""
        with torch.no_grad(), fixed(self.network):
            maps = self.network(batch.image).extra["distance"].float().tanh()
        verdict_l, verdict_u = batch.split(self.discriminator(maps, batch.image))  # (L | U, 2)
        right = [(verdict_l.argmax(1) == LABELED).float().mean(), (verdict_u.argmax(1) == UNLABELED).float().mean()]
        return Losses(
            {"discrimination": 0.5 * (adversarial_loss(verdict_l, LABELED) + adversarial_loss(verdict_u, UNLABELED))},
            player="discriminator",
            # 0.5: it has given up or was fooled; 1: it has won and teaches nothing. Both sides count the same
            log={"discriminator_accuracy": 0.5 * (right[0] + right[1])},
        )

    def _disagreement(self, logits: Tensor, maps: Tensor, image: Tensor) -> Tensor:
        """Mean squared difference to the teacher."""
        c = self.config
        told = self.teacher(noisy(image, c.noise_teacher, c.noise_clip))
        difference = squared_difference(logits.float().softmax(1), told.logits.float().softmax(1)).mean()
        if c.consistency_of == "both":
            difference = difference + (maps - told.extra["distance"].float().tanh()).square().mean()
        return difference


def regression(maps: Tensor, batch: Batch) -> Tensor:
    """(L, K - 1, X, Y, Z) -> mean squared error over known voxels and the maps of classes that were looked for."""
    told = batch.label != IGNORE
    wrong = (maps - batch.targets["distance"]).square()
    if (batch.label < 0).any():
        sought = ~open_classes(batch.label, maps.shape[1] + 1)[:, 1:, None, None, None]
        counted = told.unsqueeze(1) & sought
        return (wrong * counted).sum() / counted.sum().clamp_min(1)
    return (wrong.mean(1) * told).sum() / told.sum().clamp_min(1)


def adversarial_loss(verdict: Tensor, answer: int) -> Tensor:
    """(B, 2) -> mean cross-entropy to the one answer."""
    return -verdict.float().log_softmax(1)[:, answer].mean()
