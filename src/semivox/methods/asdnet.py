"""ASDNet: a second network rates each voxel of a prediction; the voxels it trusts become labels.

Nie, Gao, Wang & Shen, "ASDNet: attention based semi-supervised deep networks for medical image segmentation", MICCAI
2018, DOI 10.1007/978-3-030-00937-3_43. The paper leaves most numbers open, and the released code has others: ours.

Badly segmented labeled patches weigh more (sample attention). A discriminator learns to tell, at each voxel of a
labeled patch, an expert's classes from predicted probabilities; the network learns to pass for the expert on all
patches, and on unlabeled ones takes its own class for true where the discriminator's confidence is above a threshold
(region attention).

Departures from the released code: its decoder's coarse levels are connected, each side's gradients stay on its side,
confidence comes from the discriminator in evaluation mode, and no scan but the labeled ones for training moves the
threshold. Departures from the paper: this program's network and optimizer; a ramp; labeled patches count one on average
(``attention_scale``); cross-entropy where the paper has generalized Dice alone (``segmentation``, ``region_loss``). The
last two are undone by the ablation ``paper's loss``, with which the unlabeled terms drown the supervised one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from semivox.core.batch import Batch
from semivox.core.case import IGNORE
from semivox.core.progress import Progress
from semivox.functional.classes import most_probable
from semivox.functional.losses import dice_ce, generalized_dice, masked_cross_entropy
from semivox.functional.partial_labels import known, merged_probabilities
from semivox.functional.ramps import risen
from semivox.methods.bases import AdversaryConfig
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.confidence import ConfidenceNetwork, width_for
from semivox.networks.freezing import fixed

FRESH = 0.05  # share of the newest value in the running Dice, so that it remembers some twenty steps


class ASDNetConfig(MethodConfig):
    """Numbers of ASDNet."""

    discriminator: AdversaryConfig = AdversaryConfig()
    """How the discriminator is optimized; its rate is the paper's."""
    attention: float = Field(2.0, ge=0, le=5)
    """A labeled patch's loss is multiplied by (1 - its Dice) to this power (beta); 0: it is not."""
    attention_by: Literal["dice", "confidence"] = "dice"
    """What makes a labeled patch count: a low Dice (the paper), or a mean confidence far from one half (the released
    code; ``attention`` then has no meaning)."""
    attention_floor: float = Field(0.0, ge=0, le=1)
    """Least that a labeled patch counts, before ``attention_scale``."""
    attention_scale: Literal["relative", "absolute"] = "relative"
    """Whether what the labeled patches of a step count is divided by its mean, so that they count one on average (our
    default), or left as it is (the paper): patches that are segmented well then count next to nothing, and the
    unlabeled terms decide."""
    segmentation: Literal["dice_ce", "generalized_dice"] = "dice_ce"
    """The loss of a labeled patch: half cross-entropy, half Dice, as for every method here (our default), or the
    paper's."""
    adversarial: float = Field(0.03, ge=0)
    """Largest weight of passing for the expert (lambda 1); 0.05 in the released code."""
    region: float = Field(0.3, ge=0)
    """Largest weight of the network's own classes on credible voxels (lambda 2); 0.5 in the released code."""
    region_loss: Literal["ce", "dice"] = "ce"
    """How they are learned: by cross-entropy (the released code), or by generalized Dice (the paper), in which the few
    credible voxels of a class outweigh all others."""
    threshold: float | None = Field(0.3, ge=0, le=1)
    """Confidence from which a voxel is credible (gamma); None: one minus the running Dice on labeled patches, so that
    little is believed at first."""
    ramp: int | None = Field(None, ge=0)
    """Steps until both weights are reached; None: the whole run, 0: at once (the paper names no ramp). Ours."""
    staircase: int = Field(1, ge=1)
    """The weights rise every so many steps."""
    width: int | None = Field(None, ge=1)
    """Channels of the discriminator's first layer; None: as many as the network's, 32 at most. The authors have 32,
    which costs more than a V-Net of 16."""
    judged: Literal["prediction", "both"] = "prediction"
    """What the discriminator sees: the probabilities (the paper), or the image, too."""


class ASDNet(Method):
    """Weighted Dice on labeled patches, a voxel-wise adversary on all, and credible voxels of unlabeled ones."""

    Config = ASDNetConfig
    config: ASDNetConfig
    players = ("network", "discriminator")
    ablations = {
        "no sample attention": {"attention": 0.0},
        "no adversary": {"adversarial": 0.0},
        "no region attention": {"region": 0.0},
        "labeled patches alone": {"adversarial": 0.0, "region": 0.0},
        "rising trust": {"threshold": None},
        "paper's loss": {"segmentation": "generalized_dice", "attention_scale": "absolute", "region_loss": "dice"},
        "released weights": {"adversarial": 0.05, "region": 0.5, "threshold": 0.5},
    }
    dice: Tensor

    def __init__(self, config: ASDNetConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()
        maps = blueprint.classes + (blueprint.channels if config.judged == "both" else 0)
        self.discriminator = ConfidenceNetwork(maps, config.width or width_for(blueprint.architecture))
        self.register_buffer("dice", torch.zeros(()))  # running mean on labeled patches

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """The network's turn, then the discriminator's on the same predictions."""
        c = self.config
        logits = self.network(batch.image).logits
        logits_l, logits_u = batch.split(logits)
        probabilities = logits.float().softmax(1)  # (B, K, X, Y, Z)
        p_l, p_u = batch.split(probabilities)
        dice, each = hard_dice(p_l, batch.label), self._per_patch(logits_l, p_l, batch.label, self.balance(progress))
        terms = {"supervised": (self._importance(p_l, dice) * each).mean()}  # of (L,)
        log = {"dice": dice.mean()}
        if c.adversarial or c.region:
            # without an adversary nobody needs the verdict on labeled patches, nor its gradient
            shown = (probabilities, batch.image) if c.adversarial else (p_u.detach(), batch.split(batch.image)[1])
            with fixed(self.discriminator):
                verdict = self._judge(*shown)  # (B or U, X, Y, Z)
            if c.adversarial:
                terms["adversarial"] = softplus(-verdict).mean()
            if c.region:
                kept = verdict[-len(p_u) :].detach().sigmoid() > self._threshold()
                terms["region"] = self._believed(logits_u, p_u, kept)
                log["credible"] = kept.float().mean()

        ramp = risen(progress, c.ramp, c.staircase)
        weights = {"adversarial": c.adversarial * ramp, "region": c.region * ramp}
        yield Losses(terms, {name: weight for name, weight in weights.items() if name in terms}, log=log)

        self.dice.lerp_(dice.mean(), FRESH)
        if c.adversarial or c.region:
            yield self._tell_apart(batch, p_l.detach())

    def _importance(self, probabilities: Tensor, dice: Tensor) -> Tensor:
        """(L, K, X, Y, Z) and (L,) -> (L,), how much each labeled patch counts, without gradient."""
        c = self.config
        if c.attention_by == "dice":
            importance = (1 - dice) ** c.attention
        else:
            doubt = 1 - probabilities.detach().amax(1).mean((1, 2, 3))
            importance = 0.5 + 12.5 * (doubt - 0.5).square()
        importance = importance.clamp_min(c.attention_floor)
        return importance / importance.mean().clamp_min(1e-6) if c.attention_scale == "relative" else importance

    def _per_patch(self, logits: Tensor, probabilities: Tensor, label: Tensor, balance: float = 0.0) -> Tensor:
        """The supervised loss of each labeled patch, (L,)."""
        if self.config.segmentation == "dice_ce":
            return torch.stack([dice_ce(logits[[i]], label[[i]], balance=balance) for i in range(len(label))])
        return generalized_dice(probabilities, label, label != IGNORE)

    def _judge(self, probabilities: Tensor, image: Tensor) -> Tensor:
        """(B, K, X, Y, Z) and (B, C, X, Y, Z) -> logits (B, X, Y, Z) of being an expert's."""
        shown = torch.cat([probabilities, image], 1) if self.config.judged == "both" else probabilities
        return self.discriminator(shown)

    def _threshold(self) -> Tensor | float:
        """Confidence from which a voxel is credible."""
        return 1 - self.dice if self.config.threshold is None else self.config.threshold

    def _believed(self, logits: Tensor, probabilities: Tensor, kept: Tensor) -> Tensor:
        """The loss on the network's own classes where ``kept`` (U, X, Y, Z); 0 where nothing is."""
        own = most_probable(probabilities)
        if self.config.region_loss == "ce":
            return masked_cross_entropy(logits, own, kept)
        return generalized_dice(probabilities, own, kept).mean()

    def _tell_apart(self, batch: Batch, predicted: Tensor) -> Losses:
        """The discriminator's loss on (L, K, X, Y, Z): experts' classes are true, predictions are not."""
        counted = known(batch.label)  # (L, X, Y, Z)
        told = torch.zeros_like(predicted).scatter_(1, torch.where(counted, batch.label, 0).unsqueeze(1), 1.0)
        # where the expert is silent both sides show the prediction, and neither counts
        drawn = torch.where(counted.unsqueeze(1), told, predicted)
        image = batch.split(batch.image)[0].repeat(2, 1, 1, 1, 1)
        true, false = self._judge(torch.cat([drawn, predicted]), image).chunk(2)
        voxels = counted.sum().clamp_min(1)
        right = (((true > 0).float() + (false < 0).float()) * counted).sum() / (2 * voxels)
        loss = ((softplus(-true) + softplus(false)) * counted).sum() / voxels
        return Losses({"discrimination": loss}, player="discriminator", log={"discriminator_accuracy": right})


@torch.no_grad()
def hard_dice(probabilities: Tensor, label: Tensor) -> Tensor:
    """(L, K, X, Y, Z) -> (L,), the Dice of the most probable classes, averaged over the foreground classes that the
    label shows; 1 or 0 where it shows none and the prediction agrees or does not."""
    probabilities, label = merged_probabilities(probabilities, label)
    told = label != IGNORE
    found = most_probable(probabilities)
    shown, total = probabilities.new_zeros(len(label)), probabilities.new_zeros(len(label))
    for index in range(1, probabilities.shape[1]):
        mine, true = ((mask & told).flatten(1) for mask in (found == index, label == index))
        total += torch.where(true.any(1), 2 * (mine & true).sum(1) / (mine.sum(1) + true.sum(1)).clamp_min(1), 0)
        shown += true.any(1)
    quiet = ~((found > 0) & told).flatten(1).any(1)
    return torch.where(shown > 0, total / shown.clamp_min(1), quiet.to(total.dtype))
