"""Supervised: learns from the labeled patches alone; every other method is compared with this twin.

Loss and network of the left-atrium benchmark's V-Net: Yu et al., MICCAI 2019, arXiv:1907.07034 (half cross-entropy,
half pooled soft Dice). With the U-Net, the baseline of Xie et al., MIDL 2024, arXiv:2407.04638.

Departure: the left-atrium baseline sees four labeled patches a step where semi-supervised methods see two; here all
see the same patches (set ``plan.labeled_per_step`` to 4 for the published protocol).
"""

from __future__ import annotations

from collections.abc import Iterator

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint


class Supervised(Method):
    """Cross-entropy and Dice on labeled patches."""

    uses_unlabeled = False

    def __init__(self, config: MethodConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One loss on the labeled patches."""
        image_l, _ = batch.split(batch.image)
        yield Losses({"supervised": dice_ce(self.network(image_l).logits, batch.label, balance=self.balance(progress))})
