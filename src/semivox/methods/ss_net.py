"""SS-Net: predictions must withstand small changes of the scan, and voxels of a class resemble its best examples.

Wu et al., "Exploring smoothness and class-separation for semi-supervised medical image segmentation", MICCAI 2022,
arXiv:2203.01324. Defaults: the authors' 3D code.

Departures from that code: cross-entropy beside Dice (``segmentation``); the ramp ends with the run (``ramp``), rises
smoothly (``staircase``) and counts from 0 (``ramp_first``); the length of the disturbance grows with the square root of
the patch's voxels (``size``), and is theirs for their patches; embeddings are compared as they are before the head's
dropout (``embedding_read``); prototypes are projected after the heads' own passes (``remember``); selectors without
effect (the background's, and those of prototypes, whose weights cancel) are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.adversarial import Displacement, direction
from semivox.functional.losses import Segmentation, segmentation_loss
from semivox.functional.ramps import risen
from semivox.functional.separation import Order, chosen_prototypes, disagreement, separation
from semivox.methods.bases import LikenessConfig
from semivox.methods.method import Losses, Method
from semivox.networks.blueprint import Blueprint
from semivox.networks.memory import Prototypes
from semivox.networks.separable import Separable, SeparableNetwork, VoxelsOfClass, recognized
from semivox.networks.statistics import StatisticsKept
from semivox.networks.voxel_heads import Remembering, Statistics, settled, statistics_of


class SSNetConfig(LikenessConfig):
    """Numbers of SS-Net."""

    segmentation: Segmentation = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), or Dice alone with
    plain denominators (the authors' code), with which smoothness, for it rewards certainty too, froze early mistakes
    between two objects where we tried."""
    smoothness: float = Field(1.0, ge=0)
    """Largest weight of the agreement between what is said of a scan and of the disturbed scan."""
    separation: float = Field(0.1, ge=0)
    """Largest weight of the resemblance of voxels to prototypes of their class."""
    ramp: int | None = Field(None, ge=0)
    """Steps until these weights are reached; None: the whole run. The authors have 6000."""
    staircase: int = Field(1, ge=1)
    """The weights rise every so many steps; 150 in the authors' code."""
    ramp_first: Literal[0, 1] = 0
    """The number of the first step in the ramp: 0, as for every method here (our default), or 1 (the authors' code)."""
    size: float = Field(0.00998, gt=0)
    """Root mean square of the disturbance, in units of the normalized image: in the authors' patches, their length of
    10."""
    probe: float = Field(0.00998, gt=0)
    """The same at which the direction of the disturbance is sought."""
    iterations: int = Field(1, ge=0)
    """Gradient steps towards the direction that changes most; 0: random directions."""
    target: Literal["separate", "main"] = "separate"
    """What is said of the undisturbed scan: by one more pass (the authors), or by the one that the losses come from."""
    prototypes: int = Field(32, ge=2)
    """Per class, from labeled voxels that the network recognizes in this step."""
    prototype_order: Order = "lowest"
    """Which voxels become prototypes: of the lowest score, as the authors' code has it, or of the highest."""
    normalize_by_present: bool = False
    """Divide the separation by the number of classes with prototypes; in the authors' code by all, background too."""
    remember: Remembering = "after"
    """Whether prototypes are projected with the statistics that this step's voxels left in the heads, or with those of
    the steps before (the authors' order)."""


class SSNet(Method):
    """Dice on labeled patches, smoothness against adversarial disturbances, separation by prototypes."""

    Config = SSNetConfig
    config: SSNetConfig
    network: SeparableNetwork
    ablations = {
        "smoothness alone": {"separation": 0.0},
        "separation alone": {"smoothness": 0.0},
        "neither": {"smoothness": 0.0, "separation": 0.0},
        "random directions": {"iterations": 0},
        "highest scores": {"prototype_order": "highest"},
        "authors' loss": {"segmentation": "dice"},
        "authors' order": {"remember": "before"},
        "authors' dropout": {"embedding_read": "head"},
    }

    def __init__(self, config: SSNetConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = SeparableNetwork(blueprint, config.width, config.embedding_dropout, config.embedding_read)
        self.memory = Prototypes(blueprint.classes, config.prototypes, config.width)

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network, on labeled and unlabeled patches alike."""
        c = self.config
        found = statistics_of(self.network.projection) if c.remember == "before" else None
        seen = self.network(batch.image, batch.label if c.separation else None)
        logits = seen.output.logits
        logits_l, _ = batch.split(logits)
        balance = self.balance(progress)
        terms = {"supervised": segmentation_loss(logits_l, batch.label, c.segmentation, 1e-8, 1, balance)}
        if c.smoothness:
            terms["smoothness"] = self._smoothness(batch.image, logits.detach())
        if c.separation:
            self._remember(batch, seen, found)
            terms["separation"] = self._separation(seen.labeled) + self._separation(seen.unlabeled)

        ramp = risen(progress, c.ramp, c.staircase, c.ramp_first)
        weights = {"smoothness": c.smoothness * ramp, "separation": c.separation * ramp}
        yield Losses(
            terms=terms,
            weights={name: weight for name, weight in weights.items() if name in terms},
            log={"prototypes": self.memory.counts.sum().float()} if c.separation else {},
        )

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z); the heads stay idle."""
        return self.network.segmenter(image).logits.float().softmax(1)

    def _smoothness(self, image: Tensor, logits: Tensor) -> Tensor:
        """How much the worst small disturbance changes the answer. Only the disturbed pass gets a gradient."""
        c = self.config
        network, length = self.network.segmenter, math.sqrt(image[0].numel())
        if c.target == "separate":
            with torch.no_grad():
                logits = network(image).logits
        answer = logits.float().softmax(1)

        def change(displacement: Displacement) -> Tensor:
            return disagreement(network(image + displacement[0]).logits.float().softmax(1), answer)

        with StatisticsKept(network):
            (worst,) = direction(change, (image,), c.probe * length, c.iterations)
            return change((c.size * length * worst,))

    @torch.no_grad()
    def _remember(self, batch: Batch, seen: Separable, statistics: Statistics | None) -> None:
        """Take new prototypes from the labeled foreground voxels that the network recognizes."""
        c, network = self.config, self.network
        mask = recognized(batch.split(seen.output.logits)[0], batch.label)
        rows = settled(network.projection, batch.split(seen.embedding)[0][mask], statistics)
        label = batch.label[mask]
        groups = [rows[label == index] for index in range(self.blueprint.classes)]  # no row is of class 0
        chosen = [chosen_prototypes(groups[0], groups[0].new_empty(0), c.prototypes, c.prototype_order)]
        for index, group in enumerate(groups[1:], 1):
            chosen.append(chosen_prototypes(group, network.score(group, index), c.prototypes, c.prototype_order))
        counts = torch.tensor([min(len(group), c.prototypes) for group in groups], device=rows.device)
        self.memory.replace(torch.stack(chosen), counts)

    def _separation(self, voxels: Sequence[VoxelsOfClass]) -> Tensor:
        """Mean over classes of the weighted distance to the prototypes of the class; the background has none."""
        vectors, counts = self.memory()
        with torch.autocast(vectors.device.type, enabled=False):
            found = [
                separation(of.rows.float(), of.scores, vectors[index], counts[index])
                for index, of in enumerate(voxels, 1)
            ]
        present = (counts > 1).sum().clamp_min(1)
        return torch.stack(found).sum() / (present if self.config.normalize_by_present else len(counts))
