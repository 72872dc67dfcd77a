"""CCT: decoders that see perturbed features must agree with the main decoder, which sees clean ones.

Ouali, Hudelot & Tami, "Semi-supervised semantic segmentation with cross-consistency training", CVPR 2020,
arXiv:2003.09005: one encoder, a main decoder, and auxiliary decoders that serve in training only. Defaults: the
authors' code, where the step from photographs to scans leaves them a meaning.

Departures: three auxiliary decoders, not thirty; they are built as the main one and have skips, so that every level is
disturbed, not the deepest alone; the squared difference is summed over classes, so that ``consistency`` is the authors'
30 divided by their 21 classes; noise, and the share that is dropped, are drawn for each sample; the adversarial
search probes at a share of the features' length, for in float32 the authors' 1e-6 finds noise; a patch without
predicted objects keeps its context; Dice beside cross-entropy (``segmentation``). The variance among auxiliary
decoders, an option of the authors that is off, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.classes import most_probable
from semivox.functional.feature_perturbations import (
    Dropping,
    Features,
    Resizing,
    adversarial,
    context_only,
    objects_only,
    scaled_by_noise,
    with_dropout,
    with_holes,
    without_strongest,
)
from semivox.functional.losses import VoxelLoss, masked_mean, squared_difference, voxel_loss
from semivox.functional.perturb import noisy
from semivox.functional.ramps import exponential_ramp, gaussian_ramp
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.segmenter import Clean, DecoderKind

Kind = Literal["noise", "drop", "dropout", "adversarial", "cutout", "objects", "context"]
AUTHORS: tuple[Kind, ...] = (
    *("adversarial", "adversarial", "objects", "objects", "context", "context"),
    *("dropout", "cutout", "drop", "noise") * 6,
)


class CCTConfig(MethodConfig):
    """Numbers of CCT."""

    segmentation: VoxelLoss = "dice_ce"
    """The supervised loss: half cross-entropy, half Dice, as for every method here (our default), cross-entropy alone
    (the authors' configuration), or that over the voxels not yet learned (their alternative)."""
    bootstrap_to: float = Field(0.9, gt=0, le=1)
    """``bootstrapped``: a voxel counts while its class has less than this probability; the limit rises from 1/K."""
    bootstrap_ramp: float = Field(0.4, gt=0, le=1)
    """``bootstrapped``: the rise, 1 - exp(-5 t), reaches t = 1 after this share of the run."""
    confidence: float | None = Field(None, ge=0, lt=1)
    """Consistency counts where the main decoder's largest probability is above this; the authors' option, with 0.5.
    None: everywhere."""
    auxiliary: tuple[Kind, ...] = ("noise", "drop", "dropout")
    """The auxiliary decoders, each by what is done to the features that it reads; a kind may come several times. The
    authors have 30, of seven kinds; these three are those of the method's 2D medical port."""
    auxiliary_decoder: DecoderKind = "transposed"
    """How they up-sample (``transposed`` as the main one), or ``shallow``: a fraction of the cost, but they read the
    deepest features only."""
    consistency: float = Field(1.43, ge=0)
    """Largest weight of the squared difference, which is summed over classes."""
    ramp: float = Field(0.1, ge=0, le=1)
    """Share of the run after which that weight is reached."""
    auxiliary_supervised: bool = False
    """Auxiliary decoders learn from labeled patches, too. So in the 2D medical port."""
    detach_target: bool = True
    """The main decoder is not moved towards the auxiliary ones. In the 2D medical port it is."""
    noise_student: float = Field(0.0, ge=0)
    """Standard deviation of the noise on the encoder's input, in units of the normalized image."""
    noise: float = Field(0.3, ge=0, le=1)
    """``noise``: each feature changes by up to this share of itself."""
    drop_from: tuple[float, float] = (0.7, 0.9)
    """``drop``: features vanish where they exceed a share of their maximum that is drawn between these two."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """``dropout``: probability."""
    dropout_of: Dropping = "channel"
    """``dropout``: whole channels (the authors), or single elements (the 2D medical port)."""
    adversarial_radius: float = Field(0.02, gt=0)
    """``adversarial``: length of the displacement, as a share of the features' own. Our default."""
    adversarial_probe: float = Field(1e-3, gt=0)
    """``adversarial``: the length at which its direction is sought, as a share of the features' own. Our default."""
    adversarial_iterations: int = Field(1, ge=1)
    """``adversarial``: steps of power iteration."""
    cutout_share: float = Field(0.4, gt=0, le=1)
    """``cutout``: edges of the box, as a share of the edges of the object's bounding box."""
    cutout_smallest: int = Field(50, ge=1)
    """``cutout``: objects of fewer voxels stay whole. Our default; the authors count 50 points of a contour."""
    resizing: Resizing = "nearest"
    """``cutout``, ``objects``, ``context``: how masks are brought to coarser levels; ``max`` loses no thin object."""


class CCT(Method):
    """Mean squared difference of each auxiliary decoder's probabilities to the main one's, on unlabeled patches."""

    Config = CCTConfig
    config: CCTConfig
    ablations = {
        "no consistency": {"consistency": 0.0},
        "noise only": {"auxiliary": ("noise",)},
        "drop only": {"auxiliary": ("drop",)},
        "dropout only": {"auxiliary": ("dropout",)},
        "adversarial only": {"auxiliary": ("adversarial",)},
        "cut-out only": {"auxiliary": ("cutout",)},
        "masks only": {"auxiliary": ("objects", "context")},
        "the authors' thirty": {"auxiliary": AUTHORS, "auxiliary_decoder": "shallow"},
        "shallow decoders": {"auxiliary_decoder": "shallow"},
        "authors' loss": {"segmentation": "ce"},
        "bootstrapped": {"segmentation": "bootstrapped"},
        "confidence mask": {"confidence": 0.5},
        "2D medical port": {
            **{"auxiliary_supervised": True, "detach_target": False, "consistency": 0.025, "ramp": 1.0},
            **{"dropout": 0.3, "dropout_of": "element"},
        },
    }

    def __init__(self, config: CCTConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        auxiliary = (config.auxiliary_decoder,) * len(config.auxiliary)
        self.network = blueprint.segmenters(("transposed", *auxiliary))

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network: main decoder on all patches, auxiliary ones on disturbed unlabeled patches."""
        c = self.config
        labeled = len(batch.label)
        rows = slice(0 if c.auxiliary_supervised else labeled, None if c.consistency else labeled)
        perturb = [partial(self._perturb, kind, rows) for kind in c.auxiliary]
        first = None if c.consistency or c.auxiliary_supervised else 1
        main, *others = [o.logits for o in self.network(noisy(batch.image, c.noise_student), perturb, first)]
        main_l, main_u = batch.split(main)
        least = 1 / self.blueprint.classes
        limit = least + (c.bootstrap_to - least) * exponential_ramp(progress.step, c.bootstrap_ramp * progress.steps)
        balance = self.balance(progress)
        terms = {"supervised": voxel_loss(main_l, batch.label, c.segmentation, limit, balance)}
        if c.auxiliary_supervised:
            learning = [
                terms["supervised"],
                *(voxel_loss(z[:labeled], batch.label, c.segmentation, limit, balance) for z in others),
            ]
            terms["supervised"] = torch.stack(learning).mean()
        if others and c.consistency:
            target = (main_u.detach() if c.detach_target else main_u).float().softmax(1)
            apart = [self._apart(z[-len(main_u) :].float().softmax(1), target) for z in others]
            terms["consistency"] = self.blueprint.classes * torch.stack(apart).mean()  # summed over classes

        weight = c.consistency * gaussian_ramp(progress.step, c.ramp * progress.steps)
        yield Losses(terms=terms, weights={"consistency": weight} if "consistency" in terms else {})

    def _apart(self, probabilities: Tensor, target: Tensor) -> Tensor:
        """(U, K, X, Y, Z) twice -> mean squared difference, over the voxels of which the main decoder is sure."""
        difference = squared_difference(probabilities, target)
        if self.config.confidence is None:
            return difference.mean()
        return masked_mean(difference, target.amax(1) > self.config.confidence)

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the main decoder; the others stay idle."""
        return self.network(image, first=1)[0].logits.float().softmax(1)

    def _perturb(self, kind: Kind, rows: slice, clean: Clean) -> Features:
        c = self.config
        features = tuple(z[rows] for z in clean.features)
        match kind:
            case "noise":
                return scaled_by_noise(features, c.noise)
            case "drop":
                return without_strongest(features, *c.drop_from)
            case "dropout":
                return with_dropout(features, c.dropout, c.dropout_of)
            case "adversarial":
                return adversarial(
                    features, clean.decode, c.adversarial_radius, c.adversarial_probe, c.adversarial_iterations
                )
        objects = most_probable(clean.logits[rows]) > 0
        match kind:
            case "cutout":
                return with_holes(features, objects, c.cutout_share, c.cutout_smallest, c.resizing)
            case "objects":
                return objects_only(features, objects, c.resizing)
            case "context":
                return context_only(features, objects, c.resizing)
