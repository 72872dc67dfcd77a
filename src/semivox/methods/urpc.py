"""URPC: predictions of one network at several scales must agree, above all where they nearly do.

Luo et al., "Efficient semi-supervised gross target volume of nasopharyngeal carcinoma segmentation via uncertainty
rectified pyramid consistency", MICCAI 2021, arXiv:2012.07042; extended in Medical Image Analysis 80 (2022) 102517.
Defaults: the authors' code for 3D images.

Departures from that code: the network is the plan's, with heads on its decoder maps, where the code has a U-Net with
instance normalization of its own (``plan.network`` "pyramid_unet"); the weight rises over the whole run (``ramp`` gives
the authors' 60,000 steps) and smoothly (``staircase``); logarithms are taken of logits, where the code's gradients end
in NaN once a probability is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce
from semivox.functional.pyramid import pyramid_consistency
from semivox.functional.ramps import risen
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint


class URPCConfig(MethodConfig):
    """Numbers of URPC."""

    scales: int = Field(4, ge=2)
    """Decoder maps with a prediction (S), from the finest on; fewer where the network has fewer."""
    consistency: float = Field(0.1, ge=0)
    """Largest weight of the pyramid consistency."""
    uncertainty: float = Field(1.0, ge=0)
    """Weight, within the consistency, of the uncertainty itself; without it, doubt would excuse disagreement."""
    ramp: int | None = Field(None, ge=0)
    """Steps until the largest weight is reached; None: the whole run. The authors have 60,000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    dice_from: Literal[0, 1] = 0
    """First class of the supervised Dice: 0 counts the background (the authors), 1 does not (other methods here)."""
    detach_mean: bool = False
    """Let the mean be a fixed target. The authors' is moved."""
    detach_weights: bool = False
    """Let voxel weights be constants. The authors' are moved."""
    predict_heads: Literal["finest", "mean"] = "finest"
    """Whose probabilities count: the finest scale's (the authors), or the mean of all scales."""


class URPC(Method):
    """Cross-entropy and Dice at every scale, and squared differences to the mean of the scales."""

    Config = URPCConfig
    config: URPCConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no uncertainty term": {"uncertainty": 0.0},
        "two scales": {"scales": 2},
        "fixed mean": {"detach_mean": True},
        "fixed weights": {"detach_weights": True},
    }

    def __init__(self, config: URPCConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        # the deepest map is the encoder's; a network with a single decoder map has to take it
        deep = min(config.scales, max(2, len(blueprint.architecture.strides))) - 1
        self.network = blueprint.segmenter(deep=deep)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on labeled and unlabeled patches at once."""
        c = self.config
        parts = [batch.split(z) for z in pyramid(self.network(batch.image))]  # finest first
        balance = self.balance(progress)

        yield Losses(
            terms={
                "supervised": torch.stack(
                    [dice_ce(z, batch.label, c.dice_from, balance=balance) for z, _ in parts]
                ).mean(),
                "consistency": pyramid_consistency(
                    [z for _, z in parts], c.detach_mean, c.detach_weights, c.uncertainty
                ),
            },
            weights={"consistency": c.consistency * risen(progress, c.ramp, c.staircase)},
        )

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""
        output = self.network(image)
        if self.config.predict_heads == "finest":
            return output.logits.float().softmax(1)
        return torch.stack([z.softmax(1) for z in pyramid(output)]).mean(0)


def pyramid(output: Output) -> list[Tensor]:
    """Logits (B, K, X, Y, Z) of every scale at full size, finest first; logits are interpolated, not probabilities."""
    size = output.logits.shape[2:]
    return [output.logits.float(), *(F.interpolate(z.float(), size, mode="trilinear") for z in output.deep)]
