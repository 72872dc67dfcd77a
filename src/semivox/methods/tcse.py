"""TCSE: flipping or rotating a scan must flip or rotate its segmentation, and change nothing else.

Li, Yu, Chen, Fu & Heng, "Semi-supervised skin lesion segmentation via transformation consistent self-ensembling
model", BMVC 2018, arXiv:1808.03887: one network, two passes with different noise, dropout and pose, moved by both. The
second version, IEEE TNNLS 2020, arXiv:1903.00348, adds zooming and takes the second pass from a moving average
(ablation "version 2"). Numbers: the authors' code where it speaks; else the left-atrium benchmark's mean teacher.

Departures: Dice beside cross-entropy (``segmentation``); turns stay in the plane of the first two axes, and are half
turns where the patch's edges there differ (``rotations``); noise is that of the benchmark's mean teacher, since the
authors' 0.5 is in gray values; the ramp ends with the run (``ramp`` gives the benchmark's 6000 steps) and rises
smoothly (``staircase``). In the public copies of the authors' script both passes run without gradient, so that the
consistency moves nothing; here it does, as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import cross_entropy, dice_ce, squared_difference
from semivox.functional.perturb import noisy
from semivox.functional.ramps import risen
from semivox.functional.transformations import drawn, in_view, require_square, restored, transformed
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.teacher import Buffers, Teacher

Axis = Literal[0, 1, 2]


class TCSEConfig(MethodConfig):
    """Numbers of TCSE."""

    segmentation: Literal["dice_ce", "ce"] = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or cross-entropy
    alone (the papers)."""
    consistency: float = Field(1.0, ge=0)
    """Largest weight of the consistency term."""
    ramp: int | None = Field(None, ge=0)
    """Steps until that weight is reached; None: the whole run. The benchmark has 6000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the benchmark."""
    consistency_on: Literal["unlabeled", "all"] = "all"
    """Patches whose two passes should agree: all in the papers."""
    second_pass: Literal["network", "detached", "teacher"] = "network"
    """Of the network, and moving it as the first one does (version 1); the same as a constant; or of a moving average
    of the network (version 2)."""
    flips: tuple[Axis, ...] = (0,)
    """Axes that are reversed in every other patch, but for those that the plan forbids since left and right are
    classes."""
    rotations: Literal["fitting", "quarter", "half", "none"] = "fitting"
    """In the plane of the first two axes: quarter turns where these edges of the patch are equal and half turns where
    not, but none where the plan forbids to reverse one of the two, which half a turn does; or always the one or the
    other; or none."""
    zoom: float = Field(0.0, ge=0, lt=1)
    """Largest change of scale; 0.1 in version 2. Voxels that leave the view do not count."""
    noise: float = Field(0.1, ge=0)
    """Standard deviation of the noise on each pass's input, in units of the normalized image."""
    noise_clip: float | None = Field(0.2, gt=0)
    """Noise beyond this is clipped; None: it is not."""
    decay: float = Field(0.99, ge=0, lt=1)
    """``teacher``: how much of itself the moving average keeps at each step; 0.999 in the authors' code."""
    buffers: Buffers = "own"
    """``teacher``: where its running statistics come from."""


class TCSE(Method):
    """Mean squared difference between two passes, one of which sees the patches flipped and turned."""

    Config = TCSEConfig
    config: TCSEConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no transformations": {"flips": (), "rotations": "none"},
        "no noise": {"noise": 0.0},
        "papers' loss": {"segmentation": "ce"},
        "unlabeled only": {"consistency_on": "unlabeled"},
        "detached": {"second_pass": "detached"},
        "teacher": {"second_pass": "teacher"},
        "version 2": {"second_pass": "teacher", "zoom": 0.1, "decay": 0.999},
    }

    def __init__(self, config: TCSEConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()
        self.teacher = Teacher(self.network, config.buffers) if config.second_pass == "teacher" else None

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network; then a teacher, if there is one, follows."""
        c = self.config
        logits = self.network(noisy(batch.image, c.noise, c.noise_clip)).logits
        logits_l, logits_u = batch.split(logits)
        balance = self.balance(progress)
        if c.segmentation == "dice_ce":
            terms = {"supervised": dice_ce(logits_l, batch.label, balance=balance)}
        else:
            terms = {"supervised": cross_entropy(logits_l, batch.label, balance)}
        if c.consistency:
            everywhere = c.consistency_on == "all"
            image, first = (batch.image, logits) if everywhere else (batch.split(batch.image)[1], logits_u)
            terms["consistency"] = self._consistency(image, first)

        weight = c.consistency * risen(progress, c.ramp, c.staircase)
        yield Losses(terms=terms, weights={"consistency": weight} if c.consistency else {})

        if self.teacher is not None:
            self.teacher.follow(self.network, c.decay)

    def _consistency(self, image: Tensor, logits: Tensor) -> Tensor:
        """Patches (B, C, X, Y, Z) and the logits of the first pass (B, K, X, Y, Z) -> a scalar."""
        c = self.config
        flips = [axis for axis in c.flips if self.blueprint.mirror[axis]]
        by = drawn(len(image), flips, self._turns(image), c.zoom)
        posed = transformed(noisy(image, c.noise, c.noise_clip), by)
        with torch.set_grad_enabled(c.second_pass == "network"):
            second = (self.teacher or self.network)(posed).logits
            # probabilities, not logits: between two voxels a zoom interpolates
            target = restored(second.float().softmax(1), by)
        difference = squared_difference(logits.float().softmax(1), target)
        seen = in_view(target, by)
        return (difference * seen).sum() / seen.sum()

    def _turns(self, image: Tensor) -> tuple[int, ...]:
        """The quarter turns to draw from. Raises InputError where they do not fit, whatever is drawn."""
        square = image.shape[2] == image.shape[3]
        match self.config.rotations:
            case "none":
                return (0,)
            case "fitting" if not all(self.blueprint.mirror[:2]):
                return (0,)
            case "fitting" if not square:
                return (0, 2)
            case "half":
                return (0, 2)
            case _:
                require_square(image)
                return (0, 1, 2, 3)
