"""MC-Net+: three decoders that up-sample differently, each taught by the sharpened predictions of the others.

Wu, Ge, Zhang, Xu, Zhang, Xia & Cai, "Mutual consistency learning for semi-supervised medical image segmentation",
Medical Image Analysis 81 (2022) 102530, arXiv:2109.09960. Defaults: the authors' code for 3D images.

Departures from that code: K classes, whose sharpened probabilities sum to 1 (``sharpening`` gives the authors' form);
cross-entropy beside Dice (``segmentation`` gives the authors'); the weight rises over the whole run (``ramp`` gives
the authors' 6000 steps), smoothly (``staircase``) and counted from 0 (``ramp_first``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.mutual import mutual_consistency
from semivox.methods.bases import MutualConfig, MutualMethod
from semivox.methods.method import Losses
from semivox.networks.parts import Upsampling


class MCNetPlusConfig(MutualConfig):
    """Numbers of MC-Net+."""

    upsampling: tuple[Upsampling, ...] = Field(("transposed", "trilinear", "nearest"), min_length=2)
    """How each decoder does it, so also how many there are; the first is the one that predicts."""
    reduction: Literal["sum", "mean"] = "sum"
    """Over decoders (supervised loss) and over ordered pairs of them (consistency). The authors sum, so that a further
    decoder raises both."""


class MCNetPlus(MutualMethod):
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

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on labeled and unlabeled patches at once."""
        logits = [output.logits for output in self.network(batch.image)]
        offered = self.offered(logits)
        terms = {
            "supervised": self.supervised(batch, logits, progress),
            "consistency": mutual_consistency([z.float().softmax(1) for z in logits], offered),
        }
        if self.config.reduction == "mean":
            views = len(logits)
            terms["supervised"] = terms["supervised"] / views
            terms["consistency"] = terms["consistency"] / (views * (views - 1))

        yield Losses(terms, self.weights(progress))
