"""MC-Net: two decoders that up-sample differently teach each other where they disagree.

Wu, Xu, Ge, Cai & Zhang, "Semi-supervised left atrium segmentation with mutual consistency training", MICCAI 2021,
arXiv:2103.02911. Defaults: the authors' code, whose largest weight is 1; we recall 0.1 from the paper's text.

Departures from that code: K classes, whose sharpened probabilities sum to 1 (``sharpening`` gives the authors' form);
cross-entropy beside Dice (``segmentation`` gives the authors'); the weight rises over the whole run (``ramp`` gives
the authors' 6000 steps), smoothly (``staircase``) and counted from 0 (``ramp_first``).
"""

from __future__ import annotations

from collections.abc import Iterator

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.mutual import mutual_consistency
from semivox.methods.bases import MutualConfig, MutualMethod
from semivox.methods.method import Losses
from semivox.networks.parts import Upsampling


class MCNetConfig(MutualConfig):
    """Numbers of MC-Net."""

    upsampling: tuple[Upsampling, Upsampling] = ("transposed", "trilinear")
    """How each of the two decoders does it; the first is the one that predicts."""


class MCNet(MutualMethod):
    """Segmentation by both decoders, and the squared difference of each to the other's sharpened probabilities."""

    Config = MCNetConfig
    config: MCNetConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no sharpening": {"temperature": 1.0},
        "equal decoders": {"upsampling": ("transposed", "transposed")},
        "detached target": {"detach_target": True},
        "authors' loss": {"segmentation": "dice"},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on labeled and unlabeled patches at once."""
        logits = [output.logits for output in self.network(batch.image)]
        offered = self.offered(logits)

        yield Losses(
            terms={
                "supervised": self.supervised(batch, logits, progress),
                "consistency": mutual_consistency([z.float().softmax(1) for z in logits], offered),
            },
            weights=self.weights(progress),
        )
