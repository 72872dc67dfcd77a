"""AD-MT: two teachers, updated in turns, teach together; where they differ, the surer one counts more.

Zhao, Wang, Yu, Wang, Yuan & Zhou, "Alternate diverse teaching for semi-supervised medical image segmentation", ECCV
2024, arXiv:2311.17325. Defaults: the authors' code for the left atrium.

Departures from that code: the ramp ends with the run (``ramp``) and rises smoothly (``staircase``); both teachers begin
with the network's initial weights, there with their own; where patches are mixed, what the student says is mixed too
before it is compared with the teachers' (the code compares places that show different tissue, inside the boxes); a step
without a sure voxel loses nothing, where the code's mean of nothing is NaN; the supervised loss is that of every method
here (``dice_from``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.boxes import boxes_anywhere, pasted
from semivox.functional.classes import most_probable
from semivox.functional.losses import dice_ce, masked_cross_entropy
from semivox.functional.perturb import jittered, noisy_some
from semivox.functional.pseudo_labels import PseudoLabels
from semivox.functional.ramps import risen
from semivox.functional.uncertainty import sharper_of_two
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.teacher import Teacher


class ADMTConfig(MethodConfig):
    """Numbers of AD-MT."""

    consistency: float = Field(2.0, ge=0)
    """Largest weight of the teachers' labels."""
    ramp: int | None = Field(None, ge=0)
    """Steps until that weight is reached; None: the whole run. The authors have 40 units of 150 steps, 6000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    period: int = Field(19, ge=1)
    """Most steps for which one teacher is updated before the other is; each time so many or fewer, equally likely. The
    authors' 19 are half a pass over their unlabeled scans."""
    kept: float = Field(0.99, ge=0, lt=1)
    """How much of itself a teacher keeps at each of its updates."""
    copied: int = Field(80, ge=0)
    """Steps in which an updated teacher is a copy of the network; from then on it is a mean that reaches further back
    until ``kept`` is reached."""
    threshold: float = Field(0.8, ge=0, le=1)
    """Confidence from which on a voxel counts."""
    override: bool = True
    """Let the student's label count where the teachers differ and the student is surer than both together."""
    jitter: float = Field(0.5, ge=0, le=1)
    """First teacher's turn: largest relative change of brightness and contrast."""
    jitter_share: float = Field(0.8, ge=0, le=1)
    """How many patches that happens to."""
    noise: tuple[float, float] = (0.1, 1.0)
    """Least and largest standard deviation of its noise, in units of the normalized image."""
    noise_share: float = Field(0.2, ge=0, le=1)
    """How many patches get noise."""
    teaching: Literal["alternate", "one"] = "alternate"
    """Two teachers in turns, or the first alone in each step, under its own variation."""
    dice_from: Literal[0, 1] = 1
    """First class of the supervised Dice; 0: background too, as in the authors' code."""


class ADMT(Method):
    """Cross-entropy of strongly varied patches to what two teachers say of them, weighed by their entropies."""

    Config = ADMTConfig
    config: ADMTConfig
    active: Tensor
    left: Tensor
    ablations = {
        "no consistency": {"consistency": 0.0},
        "one teacher": {"teaching": "one"},
        "teachers overrule": {"override": False},
        "every voxel": {"threshold": 0.0},
        "turns of one step": {"period": 1},
    }

    def __init__(self, config: ADMTConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()
        self.first = Teacher(self.network, "ema", "constant")
        self.second = Teacher(self.network, "ema", "constant")
        self.register_buffer("active", torch.zeros((), dtype=torch.int64))
        self.register_buffer("left", torch.randint(1, config.period + 1, ()))

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student, then the teacher whose turn it is follows."""
        c = self.config
        image_l, image_u = batch.split(batch.image)
        x, y, z = image_u.shape[2:]
        active = int(self.active)
        target, conflict = self._said(image_u, active)
        inside = torch.zeros_like(conflict)
        partner = torch.arange(len(image_u), device=image_u.device)
        if active == 0:
            strong = noisy_some(jittered(image_u, c.jitter, c.jitter_share), c.noise, c.noise_share)
        else:
            inside = boxes_anywhere(len(image_u), (x, y, z)).to(image_u.device)
            partner = torch.randperm(len(image_u)).to(image_u.device)
            strong = pasted(image_u, inside, image_u[partner])
            target, conflict = target.pasted(inside, partner), pasted(conflict, inside, conflict[partner])
        logits = self.network(torch.cat([image_l, image_u, strong])).logits
        logits_l, logits_w, logits_s = logits.split([len(image_l), len(image_u), len(image_u)])
        if c.override:
            target = target.overridden(PseudoLabels.of(logits_w).pasted(inside, partner), conflict)
        sure = target.confidence >= c.threshold

        yield Losses(
            terms={
                "supervised": dice_ce(logits_l, batch.label, c.dice_from, balance=self.balance(progress)),
                "consistency": masked_cross_entropy(logits_s, target.label, sure),
            },
            weights={"consistency": c.consistency * risen(progress, c.ramp, c.staircase)},
            log={"sure": sure.float().mean(), "conflict": conflict.float().mean()},
        )

        late = progress.step // 2 - c.copied // 2
        decay = 0.0 if late < 0 else min(1 - 1 / (late + 1), c.kept)
        (self.second if active else self.first).follow(self.network, decay)
        self._pass_on()

    def _said(self, image: Tensor, active: int) -> tuple[PseudoLabels, Tensor]:
        """What the teachers say together, the one whose turn it is with dropout and its batch's statistics; and where
        they differ (U, X, Y, Z)."""
        self.first.train(active == 0)
        self.second.train(active == 1)
        one = self.first(image).logits.float().softmax(1)
        other = one if self.config.teaching == "one" else self.second(image).logits.float().softmax(1)
        together = PseudoLabels.of_probabilities(sharper_of_two(one, other))
        return together, most_probable(one) != most_probable(other)

    @torch.no_grad()
    def _pass_on(self) -> None:
        """Count the step, and give the turn to the other teacher after the last one of a period."""
        self.left.sub_(1)
        if int(self.left) == 0 and self.config.teaching == "alternate":
            self.active.copy_(1 - self.active)
            self.left.copy_(torch.randint(1, self.config.period + 1, ()))
