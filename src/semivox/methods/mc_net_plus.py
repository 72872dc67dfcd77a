"""MC-Net+: three decoders that up-sample differently, each taught by what the others say, sharpened.

Wu, Ge, Zhang, Xu, Zhang, Xia & Cai, "Mutual consistency learning for semi-supervised medical image segmentation",
Medical Image Analysis 81 (2022) 102530, arXiv:2109.09960. Defaults: the authors' code for 3D images.

Departures from that code: K classes, whose sharpened probabilities sum to 1 (``sharpening`` gives the authors' form);
cross-entropy beside Dice (``segmentation`` gives the authors'); the weight rises over the whole run (``ramp`` gives
the authors' 6000 steps) and smoothly (``staircase``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce, soft_dice
from semivox.functional.mutual import mutual_consistency
from semivox.functional.ramps import gaussian_ramp, staircase
from semivox.functional.sharpen import Sharpening, sharpened
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.parts import Upsampling


class MCNetPlusConfig(MethodConfig):
    """Numbers of MC-Net+."""

    upsampling: tuple[Upsampling, ...] = Field(("transposed", "trilinear", "nearest"), min_length=2)
    """How each decoder does it, so also how many there are; the first is the one that predicts."""
    reduction: Literal["sum", "mean"] = "sum"
    """Over decoders (supervised loss) and over ordered pairs of them (consistency). The authors sum, so that a further
    decoder raises both."""
    segmentation: Literal["dice_ce", "dice"] = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone with
    plain denominators (the authors' code)."""
    supervised: float = Field(0.5, gt=0)
    """Weight of the supervised loss."""
    consistency: float = Field(1.0, ge=0)
    """Largest weight of the mutual consistency."""
    ramp: int | None = Field(None, ge=0)
    """Steps until that weight is reached; None: the whole run. The authors have 6000 of 15,000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    temperature: float = Field(0.1, gt=0, le=1)
    """Of the sharpening; 1: none."""
    sharpening: Sharpening = "softmax"
    """How classes compete in the sharpening; matters for three classes or more."""
    detach_target: bool = False
    """Let a decoder not be moved by what it offers as target. The authors move it."""


class MCNetPlus(Method):
    """Segmentation by every decoder, and the squared difference of each to every other's sharpened probabilities."""

    Config = MCNetPlusConfig
    config: MCNetPlusConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no sharpening": {"temperature": 1.0},
        "two decoders": {"upsampling": ("transposed", "trilinear")},
        "four decoders": {"upsampling": ("transposed", "trilinear", "nearest", "transposed")},
        "equal decoders": {"upsampling": ("transposed", "transposed", "transposed")},
        "detached target": {"detach_target": True},
        "authors' loss": {"segmentation": "dice"},
        "means": {"reduction": "mean"},
    }

    def __init__(self, config: MCNetPlusConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenters(config.upsampling)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on labeled and unlabeled patches at once."""
        c = self.config
        length = progress.steps if c.ramp is None else c.ramp
        logits = [output.logits for output in self.network(batch.image)]
        targets = [sharpened(z.detach() if c.detach_target else z, c.temperature, c.sharpening) for z in logits]
        supervised = torch.stack([self._supervised(batch.split(z)[0], batch.label) for z in logits]).sum()
        consistency = mutual_consistency([z.float().softmax(1) for z in logits], targets)
        views = len(logits)
        pairs = views * (views - 1)

        yield Losses(
            terms={
                "supervised": supervised if c.reduction == "sum" else supervised / views,
                "consistency": consistency if c.reduction == "sum" else consistency / pairs,
            },
            weights={
                "supervised": c.supervised,
                "consistency": c.consistency * gaussian_ramp(staircase(progress.step, c.staircase), length),
            },
        )

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the first decoder; the others stay idle."""
        return self.network(image, first=1)[0].logits.float().softmax(1)

    def _supervised(self, logits_l: Tensor, label: Tensor) -> Tensor:
        if self.config.segmentation == "dice":
            return soft_dice(logits_l, label, epsilon=1e-8, power=1)
        return dice_ce(logits_l, label)
