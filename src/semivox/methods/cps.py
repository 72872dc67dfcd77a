"""CPS: two networks with initial weights of their own, each trained by the predictions of the other.

Chen, Yuan, Zeng & Wang, "Semi-supervised semantic segmentation with cross pseudo supervision", CVPR 2021,
arXiv:2106.01226. Defaults: the 3D re-implementation in SSL4MIS (HiLab-git); the authors' own is for photographs.

Departures from that code: the networks differ by the numbers that their initial weights were drawn with, not by the
law (``initial`` gives the law of each); the supervised Dice leaves the background out (``dice_from``); the weight rises
smoothly (``staircase``) and over the whole run, which is the code's 30,000 steps (``ramp``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.classes import most_probable
from semivox.functional.losses import cross_entropy, dice_ce
from semivox.functional.ramps import risen
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.branches import Branches, mean_probabilities


class CPSConfig(MethodConfig):
    """Numbers of cross pseudo supervision."""

    consistency: float = Field(0.1, ge=0)
    """Largest weight of the cross pseudo supervision, a sum over both networks. The authors' own code, for photographs,
    has 1.5 or 6 and no ramp."""
    ramp: int | None = Field(None, ge=0)
    """Steps until that weight is reached; None: the whole run, as in the 3D code."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the 3D code."""
    consistency_on: Literal["unlabeled", "all"] = "unlabeled"
    """Patches on which the networks teach each other: the unlabeled ones (the 3D code), or all (the authors' own)."""
    initial: Literal["alike", "kaiming_xavier"] = "alike"
    """How initial weights are drawn: for both networks as the architecture does, or by He's normal law for one and
    Glorot's for the other (the 3D code)."""
    dice_from: Literal[0, 1] = 1
    """First class of the supervised Dice: 1 leaves the background out as other methods here do, 0 does not (the 3D
    code)."""
    predict_networks: Literal["first", "mean"] = "first"
    """Whose probabilities count: the first network's, at the cost of one network, or the mean of both."""


class CPS(Method):
    """Segmentation by two networks, and cross-entropy of each against the other's hard answer."""

    Config = CPSConfig
    config: CPSConfig
    ablations = {
        "no cross supervision": {"consistency": 0.0},
        "labeled patches too": {"consistency_on": "all"},
        "two laws of initial weights": {"initial": "kaiming_xavier"},
        "mean of both": {"predict_networks": "mean"},
    }

    def __init__(self, config: CPSConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        networks = [blueprint.segmenter(), blueprint.segmenter()]
        if config.initial == "kaiming_xavier":
            redraw(networks[0], "kaiming")
            redraw(networks[1], "xavier")
        self.network = Branches(networks)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of both networks, which no gradient leads between."""
        c = self.config
        logits = [output.logits for output in self.network(batch.image, batch.image)]
        parts = [batch.split(z) for z in logits]
        taught = logits if c.consistency_on == "all" else [part[1] for part in parts]
        answers = [most_probable(z) for z in taught]
        balance = self.balance(progress)
        supervised = [dice_ce(part[0], batch.label, c.dice_from, balance=balance) for part in parts]

        yield Losses(
            terms={
                "supervised": torch.stack(supervised).sum(),
                "consistency": cross_entropy(taught[0], answers[1]) + cross_entropy(taught[1], answers[0]),
            },
            weights={"consistency": c.consistency * risen(progress, c.ramp, c.staircase)},
            log={"disagreement": (answers[0] != answers[1]).float().mean()},  # 0: they teach each other nothing
        )

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the first network, or the mean of both."""
        return mean_probabilities(self.network, image, 1 if self.config.predict_networks == "first" else 2)


@torch.no_grad()
def redraw(network: nn.Module, law: Literal["kaiming", "xavier"]) -> None:
    """Draw the weights of convolutions anew, in place; transposed ones and biases stay, as in the 3D code."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight) if law == "kaiming" else nn.init.xavier_normal_(layer.weight)
