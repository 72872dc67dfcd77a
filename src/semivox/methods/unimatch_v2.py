"""UniMatch V2 in 3D: what a teacher is certain of in a patch, the student must see in two strongly augmented views.

Yang, Zhao & Zhao, "UniMatch V2: pushing the limit of semi-supervised semantic segmentation", arXiv:2410.10777 (2024).
Defaults: the authors' code for photographs. Nobody has published the method in 3D: what follows from that is ours.

Departures from that code: the networks are 3D; channels are dropped at every level of the encoder (of a transformer's
four layers there); views vary intensities as the plan's sets do (``view``), there colors; pasted boxes have three sides
(``paste``), and come from the next patch of the batch, there from the batch in reverse order; labeled and varied
patches pass the network together, there one after the other; the supervised loss is that of every method here.
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
from semivox.functional.boxes import boxes_in, pasted
from semivox.functional.feature_perturbations import complementary
from semivox.functional.losses import dice_ce
from semivox.functional.views import View, another_view
from semivox.methods.bases import TeacherConfig, TeacherMethod
from semivox.methods.method import Losses
from semivox.networks.teacher import Buffers


class UniMatchV2Config(TeacherConfig):
    """Numbers of UniMatch V2."""

    decay: float = Field(0.996, ge=0, lt=1)
    """How much of itself the teacher keeps at each step."""
    buffers: Buffers = "ema"
    """Where the teacher's running statistics come from; the authors average them as the weights."""
    teacher_mode: Literal["eval", "train"] = "eval"
    """Whether the teacher labels as it would predict (the authors), or with dropout and the batch's statistics."""
    consistency: float = Field(1.0, ge=0)
    """Weight of the two views' agreement with the teacher; the authors have equal parts. It does not rise: the number
    of sure voxels does."""
    threshold: float = Field(0.95, ge=0, le=1)
    """Confidence from which on a voxel counts."""
    view: View = "strong"
    """How intensities of the student's views vary."""
    paste: float = Field(0.5, ge=0, le=1)
    """Chance that a view has a box pasted in from the next patch."""
    smallest: float = Field(0.02, gt=0, le=1)
    """Share of the patch's volume that such a box has at least."""
    largest: float = Field(0.4, gt=0, le=1)
    """The same at most."""
    drop: bool = True
    """Let the two views miss complementary halves of the encoder's channels."""
    spared: float = Field(0.5, ge=0, le=1)
    """Share of the patches whose views miss none."""


class UniMatchV2(TeacherMethod):
    """Cross-entropy of two strong views to a teacher's hard labels, over the voxels of which the teacher is sure."""

    Config = UniMatchV2Config
    config: UniMatchV2Config
    ablations = {
        "no consistency": {"consistency": 0.0},
        "no dropped channels": {"drop": False},
        "no other intensities": {"view": "none"},
        "nothing pasted": {"paste": 0.0},
        "every voxel": {"threshold": 0.0},
        "no averaging": {"decay": 0.0},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student on labeled patches and two views of the unlabeled ones; then the teacher follows."""
        c = self.config
        image_l, image_u = batch.split(batch.image)
        self.teacher.train(c.teacher_mode == "train")
        confidence, label = self.teacher(image_u).logits.float().softmax(1).max(1)  # (U, X, Y, Z)
        sure = confidence >= c.threshold

        views, targets, counted = [image_l], [], []
        for _ in range(2):
            inside = boxes_in(image_u, c.smallest, c.largest, c.paste)
            view = another_view(image_u, c.view)
            views.append(pasted(view, inside, view.roll(1, 0)))
            targets.append(pasted(label, inside, label.roll(1, 0)))
            counted.append(pasted(sure, inside, sure.roll(1, 0)))
        read = partial(complementary, first=len(image_l), spared=c.spared) if c.drop else None
        logits_l, logits_s = batch.split(self.network(torch.cat(views), read).logits)

        yield Losses(
            terms={
                "supervised": dice_ce(logits_l, batch.label, balance=self.balance(progress)),
                "consistency": agreement(logits_s, torch.cat(targets), torch.cat(counted)),
            },
            weights={"consistency": c.consistency},
            log={"sure": sure.float().mean()},  # the share of voxels that teach
        )

        self.teacher.follow(self.network, c.decay)


def agreement(logits: Tensor, label: Tensor, counted: Tensor) -> Tensor:
    """(B, K, X, Y, Z), (B, X, Y, Z) twice -> a scalar: the cross-entropy of the counted voxels, summed and divided by
    the number of all voxels, so that it weighs as much as the teacher is sure."""
    per_voxel = -logits.float().log_softmax(1).gather(1, label.unsqueeze(1)).squeeze(1)
    return (per_voxel * counted).mean()
