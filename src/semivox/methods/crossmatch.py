"""CrossMatch: a changed patch, or one with perturbed features, must be segmented as the unchanged patch is.

Zhao, Wang & Ding, "CrossMatch: enhance semi-supervised medical image segmentation with perturbation strategies and
knowledge distillation", IEEE JBHI 2024, arXiv:2405.00354. Defaults: the authors' code for the left atrium.

Departures from that code: pasted boxes come from the next patch of the batch, whose answers are at hand, there from
further patches by two more passes, and have other aspect ratios (``smallest``, ``largest``); views vary intensities as
the plan's sets do (``view``), there by a bias field, gamma and blur; the head's dropout stays on where features are
perturbed; the Dice is one of each foreground class; the threshold rises over the run (``threshold_ramp``); losses are
twice theirs; the supervised one is that of every method here, which for two classes is theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import torch
from pydantic import Field

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.boxes import boxes_in, pasted
from semivox.functional.feature_perturbations import dropped_behind
from semivox.functional.losses import dice_ce, soft_dice
from semivox.functional.pseudo_labels import PseudoLabels
from semivox.functional.ramps import risen
from semivox.functional.views import View, another_view
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint


class CrossMatchConfig(MethodConfig):
    """Numbers of CrossMatch."""

    views: float = Field(0.25, ge=0)
    """Weight of both strongly varied views; it does not rise."""
    distillation: float = Field(1.0, ge=0)
    """Weight of the answers from perturbed features; it does not rise."""
    alike: float = Field(0.3, ge=0, le=1)
    """Share of the distillation between equally perturbed features of patch and view; the rest is from clean ones."""
    weak: float = Field(0.25, ge=0, lt=1)
    """Probability with which weakly perturbed features lose a channel."""
    strong: float = Field(0.75, ge=0, lt=1)
    """The same of strongly perturbed ones."""
    threshold: float = Field(0.75, ge=0, le=1)
    """Confidence from which on a voxel counts at the start; it rises to 1, before it is scaled."""
    threshold_ramp: int | None = Field(None, ge=0)
    """Steps until it is 1; None: the whole run. The authors have 17,000, of which they train 14,000."""
    threshold_scale: float = Field(math.log(2), gt=0, le=1)
    """What the threshold is multiplied with. The authors' ln 2, from 0.52 to 0.69, lets nearly every voxel count where
    there are two classes; 1: a confidence."""
    view: View = "strong"
    """How intensities of the views vary."""
    paste: float = Field(0.5, ge=0, le=1)
    """Chance that a view has a box pasted in from the next patch."""
    smallest: float = Field(0.02, gt=0, le=1)
    """Share of the patch's volume that such a box has at least."""
    largest: float = Field(0.4, gt=0, le=1)
    """The same at most."""


class CrossMatch(Method):
    """Dice to hard answers: of two strong views, and of features with few and with many channels lost."""

    Config = CrossMatchConfig
    config: CrossMatchConfig
    ablations = {
        "no views": {"views": 0.0},
        "no distillation": {"distillation": 0.0},
        "neither": {"views": 0.0, "distillation": 0.0},
        "from clean features alone": {"alike": 0.0},
        "one strength": {"weak": 0.5, "strong": 0.5},
        "no other intensities": {"view": "none"},
        "nothing pasted": {"paste": 0.0},
        "a confidence": {"threshold_scale": 1.0},
    }

    def __init__(self, config: CrossMatchConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the network."""
        c = self.config
        image_l, image_u = batch.split(batch.image)
        labeled, unlabeled = len(image_l), len(image_u)
        limit = (c.threshold + (1 - c.threshold) * risen(progress, c.threshold_ramp)) * c.threshold_scale
        boxes = [boxes_in(image_u, c.smallest, c.largest, c.paste) for _ in range(2)]
        views = [another_view(image_u, c.view) for _ in range(2)]
        views = [pasted(view, inside, view.roll(1, 0)) for view, inside in zip(views, boxes, strict=True)]

        drop = partial(dropped_behind, rates=(c.weak, c.strong))
        logits = self.network(batch.image, partial(drop, first=labeled)).logits
        logits_l, clean, weak, strong = logits.split([labeled, unlabeled, unlabeled, unlabeled])
        logits = self.network(torch.cat(views), partial(drop, first=unlabeled)).logits
        one, other, other_weak, other_strong = logits.split(unlabeled)

        answer = PseudoLabels.of(clean)
        pasted_answer = answer.sure(limit, boxes[1])
        from_clean = [
            soft_dice(weak, answer.sure(limit)),
            soft_dice(strong, answer.sure(limit)),
            soft_dice(other_weak, pasted_answer),
            soft_dice(other_strong, pasted_answer),
        ]
        from_alike = [
            soft_dice(other_weak, PseudoLabels.of(weak).sure(limit, boxes[1])),
            soft_dice(other_strong, PseudoLabels.of(strong).sure(limit, boxes[1])),
        ]

        yield Losses(
            terms={
                "supervised": dice_ce(logits_l, batch.label, balance=self.balance(progress)),
                "views": soft_dice(one, answer.sure(limit, boxes[0])) + soft_dice(other, pasted_answer),
                "distillation": (1 - c.alike) * torch.stack(from_clean).mean()
                + c.alike * torch.stack(from_alike).mean(),
            },
            weights={"views": c.views, "distillation": c.distillation},
            log={"sure": (answer.confidence >= limit).float().mean()},
        )
