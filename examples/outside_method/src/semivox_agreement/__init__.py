"""Agreement with a noisy copy (after Laine and Aila, arXiv:1610.02242)."""

from collections.abc import Iterator

import torch
from pydantic import Field

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.losses import dice_ce
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint


class AgreementConfig(MethodConfig):
    """Numbers of the method."""

    consistency: float = Field(0.5, ge=0)
    """Weight of the unlabeled term."""
    noise: float = Field(0.1, gt=0)
    """Standard deviation of the noise on the copy, in units of the normalized intensities."""


class Agreement(Method):
    """Predictions of an unlabeled patch and of a noisy copy of it should agree."""

    Config = AgreementConfig
    config: AgreementConfig
    ablations = {"labels alone": {"consistency": 0.0}}

    def __init__(self, config: AgreementConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = blueprint.segmenter()

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """Cross-entropy and Dice on labeled patches, squared differences on unlabeled ones."""
        logits_l, logits_u = batch.split(self.network(batch.image).logits)
        noisy = batch.image + self.config.noise * torch.randn_like(batch.image)
        _, other = batch.split(self.network(noisy).logits)
        terms = {
            "supervised": dice_ce(logits_l, batch.label, balance=self.balance(progress)),
            "consistency": (logits_u.softmax(1) - other.softmax(1)).square().mean(),
        }
        yield Losses(terms, {"consistency": self.config.consistency})
