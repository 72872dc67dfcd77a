"""TraCoCo: two networks teach each other, and must see the same in a crop as in the whole patch.

Liu, Tian, Wang, Chen, Liu, Belagiannis & Carneiro, "Translation consistent semi-supervised segmentation for 3D medical
images", IEEE TMI 2024, arXiv:2203.14523. Defaults: the authors' code for the left atrium.

Departures from that code: the second crop lies within the first, the step's patch (``crop``), there it is as large and
overlaps; its divergence is over classes, as in the paper (the code's softmax runs along x, over clamped logits), a mean
over voxels and patches; the networks answer each other on unlabeled patches alone, in the code on labeled ones too,
which then count for nothing but batch statistics; what a voxel surely is not is its least probable class, there the
other of two; the ramp ends with the run (``ramp``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.boxes import box_of_divisible_sides, boxes_anywhere, pasted
from semivox.functional.losses import dice_ce
from semivox.functional.mutual import confident_cross_entropy, divergence, negative_entropy
from semivox.functional.ramps import risen
from semivox.methods.method import Losses, Method, MethodConfig
from semivox.networks.blueprint import Blueprint
from semivox.networks.branches import Branches, mean_probabilities


class TraCoCoConfig(MethodConfig):
    """Numbers of TraCoCo."""

    teaching: float = Field(1.0, ge=0)
    """Largest weight of what the networks teach each other on unlabeled patches."""
    translation: float = Field(0.3, ge=0)
    """Largest weight of the agreement between patch and crop."""
    spread: float = Field(0.1, ge=0)
    """Largest weight of the negative entropy there, which keeps them from agreeing by being sure."""
    ramp: int | None = Field(None, ge=0)
    """Steps until these weights are reached; None: the whole run. The authors have 40 passes over the labeled scans."""
    crop: float = Field(0.75, gt=0, lt=1)
    """Share of each side of the patch that the crop has, rounded down to what the network can take."""
    sure: float = Field(0.65, ge=0, le=1)
    """Confidence from which on a voxel teaches what it is."""
    unsure: float = Field(0.1, ge=0, le=1)
    """Probability of the least probable class below which a voxel teaches what it is not."""
    noise: float = Field(0.2, ge=0)
    """Largest noise on the input of what learns, uniform, in units of the normalized image."""
    paste: bool = True
    """Let the second network learn patches with boxes, as high as the patch, of one another."""
    predict_networks: Literal["first", "mean"] = "first"
    """Whose probabilities count: the first network's, as for other methods here, or the mean of both."""


class TraCoCo(Method):
    """Segmentation by two networks, their confident answers to each other, and agreement between patch and crop."""

    Config = TraCoCoConfig
    config: TraCoCoConfig
    ablations = {
        "no teaching": {"teaching": 0.0},
        "no translation": {"translation": 0.0, "spread": 0.0},
        "no entropy": {"spread": 0.0},
        "what it is alone": {"unsure": 0.0},
        "nothing pasted": {"paste": False},
        "no noise": {"noise": 0.0},
    }

    def __init__(self, config: TraCoCoConfig, blueprint: Blueprint) -> None:
        super().__init__(config, blueprint)
        self.network = Branches([blueprint.segmenter(), blueprint.segmenter()])

    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One turn of both networks."""
        c = self.config
        _, image_u = batch.split(batch.image)
        x, y, z = image_u.shape[2:]
        box = box_of_divisible_sides((x, y, z), c.crop, self.blueprint.architecture.strides)
        whole = [o.logits for o in self.network(self._noisy(batch.image), self._noisy(batch.image))]
        part = [o.logits for o in self.network(*(self._noisy(batch.image[..., *box]) for _ in range(2)))]
        balance = self.balance(progress)
        both = [(a[..., *box], b) for a, b in zip(whole, part, strict=True)]  # where patch and crop overlap
        pairs = [(a.float().log_softmax(1), b.float().log_softmax(1)) for a, b in both]
        taught = self._taught(image_u)
        rise = risen(progress, c.ramp)

        yield Losses(
            terms={
                "supervised": torch.stack(
                    [dice_ce(batch.split(z)[0], batch.label, balance=balance) for z in whole]
                ).sum(),
                "teaching": taught,
                "translation": torch.stack([divergence(a, b) for a, b in pairs]).sum(),
                "spread": torch.stack([negative_entropy(z) for pair in pairs for z in pair]).sum() / 2,
            },
            weights={
                "teaching": c.teaching * rise,
                "translation": c.translation * rise,
                "spread": c.spread * rise,
            },
        )

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) of the first network, or the mean of both."""
        return mean_probabilities(self.network, image, 1 if self.config.predict_networks == "first" else 2)

    def _taught(self, image: Tensor) -> Tensor:
        """Unlabeled patches (U, C, X, Y, Z) -> what each network loses against the other's answer, summed."""
        c = self.config
        with torch.no_grad():
            said = [output.logits for output in self.network(image, image)]
        other, answer = image, said[0]
        if c.paste:
            x, y, z = image.shape[2:]
            inside = boxes_anywhere(len(image), (x, y, z)).any(-1, keepdim=True).expand(-1, -1, -1, z)
            partner = torch.randperm(len(image)).to(image.device)
            other, answer = (pasted(values, inside, values[partner]) for values in (image, answer))
        first, second = (o.logits for o in self.network(self._noisy(image), self._noisy(other)))
        losses = [confident_cross_entropy(first, said[1], c.sure, c.unsure),
                  confident_cross_entropy(second, answer, c.sure, c.unsure)]  # fmt: skip
        return torch.stack([part for pair in losses for part in pair]).sum()

    def _noisy(self, image: Tensor) -> Tensor:
        """Uniform noise on every voxel."""
        return image + self.config.noise * (2 * torch.rand_like(image) - 1) if self.config.noise else image
