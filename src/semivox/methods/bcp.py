"""BCP: paste a box of a labeled patch into an unlabeled one, and the other way round, and learn from both.

Bai, Chen, Li, Shen & Wang, "Bidirectional copy-paste for semi-supervised medical image segmentation", CVPR 2023,
arXiv:2305.00673. Defaults: the authors' code for the left atrium.

Departures from that code: the loss of each region is that of every method here (``segmentation`` gives the authors'
Dice, patch by patch, background included); the mixed patches of both directions pass the network together
(``passes``), for with two labeled patches a step each pass would be a single patch; the first stage ends with its last
weights, where the code takes those that are best on the test scans; the teacher follows through it, where the code
makes it equal at its end; it mixes each labeled patch with the next, where the code makes half as many patches; K
classes, of each of which the largest piece is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.case import IGNORE
from semivox.core.progress import Progress
from semivox.functional.boxes import box_of_sides, pasted
from semivox.functional.classes import most_probable
from semivox.functional.components import largest_components_of_each
from semivox.functional.losses import dice_ce, dice_ce_of_each_patch
from semivox.methods.bases import TeacherConfig, TeacherMethod
from semivox.methods.method import Losses


class BCPConfig(TeacherConfig):
    """Numbers of BCP."""

    labeled_stage: float = Field(2 / 17, ge=0, le=1)
    """Share of the run in which labeled patches alone are mixed, with one another; in the authors' code 2000 of 17,000
    steps."""
    box: float = Field(2 / 3, gt=0, lt=1)
    """Share of each side of the patch that the box has; the same box for all patches of a step."""
    pseudo: float = Field(0.5, ge=0)
    """Weight of the regions whose target is a pseudo-label."""
    component: bool = True
    """Keep the largest connected piece of each class of a pseudo-label."""
    segmentation: Literal["dice_ce", "each_patch"] = "dice_ce"
    """The loss of a region: half cross-entropy, half Dice as for every method here, or with a Dice of each patch and
    class by itself, background included, with plain denominators (the authors' code)."""
    passes: Literal["together", "apart"] = "together"
    """Whether the mixed patches of both directions pass the network together, so that they share batch statistics, or
    one direction after the other (the authors' code)."""


class BCP(TeacherMethod):
    """Segmentation of mixed patches, with labels where they are known and a teacher's elsewhere."""

    Config = BCPConfig
    config: BCPConfig
    ablations = {
        "no pseudo-labels": {"pseudo": 0.0},
        "no labeled stage": {"labeled_stage": 0.0},
        "all pieces": {"component": False},
        "small box": {"box": 1 / 3},
        "authors' loss": {"segmentation": "each_patch"},
        "authors' passes": {"passes": "apart"},
    }

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of the student on mixed patches, then the teacher follows."""
        c = self.config
        image_l, image_u = batch.split(batch.image)
        x, y, z = image_l.shape[2:]
        inside = box_of_sides((x, y, z), c.box).to(image_l.device)

        if progress.step < c.labeled_stage * progress.steps:
            mixed = pasted(image_l, inside, image_l.roll(-1, 0))
            label = pasted(batch.label, inside, batch.label.roll(-1, 0))
            yield Losses({"supervised": self._loss(self.network(mixed).logits, label, progress)})
            self.teacher.follow(self.network, c.decay)
            return

        pseudo = most_probable(self.teacher(image_u).logits)  # (U, X, Y, Z)
        if c.component:
            pseudo = largest_components_of_each(pseudo)
        (l_out, u_in), (u_out, l_in) = pairs(len(image_l), len(image_u))
        outward = pasted(image_l[l_out], inside, image_u[u_in])  # labeled around the box, unlabeled in it
        inward = pasted(image_u[u_out], inside, image_l[l_in])
        logits_o, logits_i = self._logits(outward, inward)
        known = (masked(batch.label[l_out], ~inside), masked(batch.label[l_in], inside))
        guessed = (masked(pseudo[u_in], inside), masked(pseudo[u_out], ~inside))

        yield Losses(
            terms={
                "supervised": self._loss(logits_o, known[0], progress) + self._loss(logits_i, known[1], progress),
                "pseudo": self._loss(logits_o, guessed[0]) + self._loss(logits_i, guessed[1]),
            },
            weights={"pseudo": c.pseudo},
        )

        self.teacher.follow(self.network, c.decay)

    def _logits(self, outward: Tensor, inward: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed patches (N, C, X, Y, Z) of both directions -> logits (N, K, X, Y, Z) of both."""
        if self.config.passes == "apart":
            return self.network(outward).logits, self.network(inward).logits
        first, second = self.network(torch.cat([outward, inward])).logits.chunk(2)
        return first, second

    def _loss(self, logits: Tensor, label: Tensor, progress: Progress | None = None) -> Tensor:
        """Half cross-entropy, half Dice over the voxels that have a label; with ``progress`` classes are balanced."""
        balance = 0.0 if progress is None else self.balance(progress)
        if self.config.segmentation == "dice_ce":
            return dice_ce(logits, label, balance=balance)
        return dice_ce_of_each_patch(logits, label, balance=balance) / 2


def pairs(labeled: int, unlabeled: int) -> tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]]:
    """Which labeled and unlabeled patches are mixed: (labeled around, unlabeled in the box), and the other way round.

    Of N patches the first half of each kind meet in the first direction, the second half in the second; N is the
    larger of both numbers, patches of the other kind come again. A patch alone goes both ways.
    """
    number = max(labeled, unlabeled)
    first, second = range((number + 1) // 2), range(number // 2, number)
    return (cycled(first, labeled), cycled(first, unlabeled)), (cycled(second, unlabeled), cycled(second, labeled))


def cycled(places: range, count: int) -> list[int]:
    """Places in a list of ``count`` that begins again at its end."""
    return [place % count for place in places]


def masked(label: Tensor, region: Tensor) -> Tensor:
    """Labels (N, X, Y, Z) with IGNORE outside the region (X, Y, Z)."""
    return torch.where(region, label, IGNORE)
