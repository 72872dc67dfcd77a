"""DTC: one network predicts the segmentation and the distance to the surface; the two must agree.

Luo, Chen, Song & Wang, "Semi-supervised Medical Image Segmentation through Dual-task Consistency", AAAI 2021,
35(10):8801-8809, arXiv:2009.04448. Defaults: the authors' code.

A second head on the same map regresses the signed distance to each class's surface. A steep sigmoid turns distances
into probabilities, and on all patches these must equal those of the first head. Neither side is held fixed, and there
is neither teacher nor noise: the perturbation is the difference between the tasks.

Departures from that code: the supervised loss of every method here, where the code's objective is Dice alone
(``segmentation``); a class that a patch does not show is far away everywhere, where the code puts its surface
everywhere (``absent``); distances in mm, which for cubic voxels changes nothing; the ramp ends with the run (``ramp``
gives the authors' 6000 steps) and rises smoothly (``staircase``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.case import IGNORE
from semivox.core.progress import Progress
from semivox.functional.distance import signed_distance, soft_mask
from semivox.functional.losses import Segmentation, segmentation_loss
from semivox.functional.partial_labels import open_classes
from semivox.functional.perturb import noisy
from semivox.functional.ramps import risen
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.segmenter import ClassHead


class DTCConfig(MethodConfig):
    """Numbers of DTC."""

    distance: float = Field(0.3, ge=0)
    """Weight of the distance regression on labeled patches."""
    consistency: float = Field(1.0, ge=0)
    """Largest weight of the agreement between the two heads."""
    steepness: float = Field(1500.0, gt=0)
    """Of the sigmoid that turns distances into probabilities (k)."""
    consistency_on: Literal["all", "unlabeled"] = "all"
    """Patches on which the heads should agree."""
    segmentation: Segmentation = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone (the
    authors' code)."""
    head: ClassHead = "softmax"
    """Class logits: one a class under a softmax (our default), or one a foreground class beside a background of 0: for
    two classes a sigmoid, as in the authors' code. Under SGD a sigmoid's logit moves half as fast as the difference of
    a softmax's two."""
    absent: Literal["far", "surface", "skip"] = "far"
    """The distance of a class that a patch does not show or that fills it: 1, or -1 inside, everywhere (our default);
    0 everywhere, which asks for a probability of 0.5 (the authors' code); or left out of the regression."""
    ramp: int | None = Field(None, ge=0)
    """Steps until the consistency weight is reached; None: the whole run. The authors have 6000."""
    staircase: int = Field(1, ge=1)
    """The weight rises every so many steps; 150 in the authors' code."""
    noise: float = Field(0.0, ge=0)
    """Standard deviation of the noise on the input, in units of the normalized image."""


class DTC(Method):
    """Segmentation and signed distance from one network, drawn to each other."""

    Config = DTCConfig
    config: DTCConfig
    targets = {"distance": signed_distance}
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no distance loss": {"distance": 0.0},
        "consistency on unlabeled patches": {"consistency_on": "unlabeled"},
        "authors' losses": {"segmentation": "dice", "absent": "surface"},
        "one logit": {"head": "sigmoid"},
    }

    def __init__(self, config: DTCConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter({"distance": blueprint.classes - 1}, head=config.head)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network: one forward pass for all three terms."""
        c = self.config
        output = self.network(noisy(batch.image, c.noise))
        logits_l, _ = batch.split(output.logits)
        distance = output.extra["distance"].float().tanh()  # (B, K - 1, X, Y, Z)
        distance_l, distance_u = batch.split(distance)
        inside = output.logits.float().softmax(1)[:, 1:]  # (B, K - 1, X, Y, Z)
        _, inside_u = batch.split(inside)
        far, near = (distance, inside) if c.consistency_on == "all" else (distance_u, inside_u)

        yield Losses(
            terms={
                "supervised": segmentation_loss(logits_l, batch.label, c.segmentation, balance=self.balance(progress)),
                "distance": self._regression(distance_l, batch),
                "consistency": (soft_mask(far, c.steepness) - near).square().mean(),
            },
            weights={"distance": c.distance, "consistency": c.consistency * risen(progress, c.ramp, c.staircase)},
            log={"agreement": ((distance < 0) == (inside > 0.5)).float().mean()},
        )

    def _regression(self, distance: Tensor, batch: Batch) -> Tensor:
        """(L, K - 1, X, Y, Z) -> mean squared error over known voxels and the maps of classes that were looked for."""
        target = batch.targets["distance"]
        sought = ~open_classes(batch.label, target.shape[1] + 1)[:, 1:, None, None, None]
        counted = (batch.label != IGNORE).unsqueeze(1) & sought
        if self.config.absent != "far":
            flat = target.flatten(2)
            constant = (flat.amin(2) == flat.amax(2))[..., None, None, None]  # (L, K - 1, 1, 1, 1): no surface there
            if self.config.absent == "surface":
                target = target.masked_fill(constant, 0)
            else:
                counted = counted & ~constant
        return ((distance - target).square() * counted).sum() / counted.sum().clamp_min(1)
